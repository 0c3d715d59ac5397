/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The shared state, compared with chitchat.

import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import type { Figure, Harness } from '../harness.js';
import type { Usage } from '../protocol.js';
import type { Mark, Row } from '../rows.js';
import { Side } from '../side.js';
import { buildChitchat } from '../state/build-chitchat.js';
import type { StateTasks } from '../state/tasks.js';
import { percentile } from '../statistics.js';

const nodes = 20;
const keys = 10;
/** Of ours: the LAN default. */
const ourGossipMs = 200;
/** Of chitchat: the default of its configuration. */
const theirGossipMs = 1_000;
const capMs = 60_000;

interface Pace {
  readonly rounds: number;
  readonly settleMs: number;
  readonly idleMs: number;
  readonly updates: number;
  readonly everyMs: number;
}

function paceOf({ effort: { quick, rounds } }: Harness): Pace {
  return quick
    ? { rounds, settleMs: 1_000, idleMs: 1_000, updates: 20, everyMs: 50 }
    : { rounds: Math.min(rounds, 5), settleMs: 20_000, idleMs: 10_000, updates: 200, everyMs: 50 };
}

/** One round of one side. */
interface Spread {
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Of all nodes together. */
  readonly idleBytes: number;
  readonly bytesPerUpdate: number;
  readonly idleCpuMs: number;
}

export const state: Figure = {
  name: 'state',
  title: 'Shared state',
  withoutGo: true,
  work: `${nodes} nodes in one process, on loopback sockets, with ${keys} keys each. One node after the other changes
one of its keys, every 50 ms: the time until all other nodes have the new value. Ours: \`node-memberlist/state\` with the
LAN defaults. The other side is chitchat 0.13.0 (\`bench/rust\`), with its newest protocol version: with its default
gossip interval of ${theirGossipMs / 1000} s, and with that of ours, ${ourGossipMs} ms. The transports of both sides are
wrapped in one that counts the payload bytes of packets, and for ours of streams. Bytes include what membership sends.
Bytes per update are those in the time of the updates, less the idle ones. All clusters run in all rounds, and take
turns.`,
  measure: async (harness) => {
    const lanes = await lanesOf(harness);
    try {
      return { rows: rowsOf(await measureLanes(harness, lanes)) };
    } finally {
      await Promise.all(lanes.map(({ side }) => side[Symbol.asyncDispose]()));
    }
  },
};

type LaneName = 'ours' | 'default' | 'same';

interface Lane {
  readonly name: LaneName;
  readonly side: Side<StateTasks>;
  readonly gossipMs: number;
  readonly rounds: Spread[];
  updates: number;
}

const program = fileURLToPath(new URL('../state/main.js', import.meta.url));

async function lanesOf({ withOthers }: Harness): Promise<Lane[]> {
  const lane = (
    name: LaneName,
    gossipMs: number,
    command: readonly [string, ...string[]],
  ): Lane => ({ name, gossipMs, side: new Side(name, command), rounds: [], updates: 0 });
  const chitchat = withOthers ? buildChitchat() : undefined;
  const ours = lane('ours', ourGossipMs, [process.execPath, program]);
  if (chitchat === undefined) return Promise.resolve([ours]);
  const theirs = [
    lane('default', theirGossipMs, [chitchat]),
    lane('same', ourGossipMs, [chitchat]),
  ];
  return Promise.resolve([ours, ...theirs]);
}

async function measureLanes(harness: Harness, lanes: readonly Lane[]): Promise<readonly Lane[]> {
  const pace = paceOf(harness);
  for (const { side, gossipMs } of lanes) {
    const addresses = harness.addresses(nodes);
    await side.ask('startState', { addresses, gossipMs, keys, capMs });
  }
  await wait(pace.settleMs);
  // The first round is a warm-up.
  for (let round = 0; round <= pace.rounds; round++) {
    for (const lane of lanes) {
      const spread = await measureLane(lane, pace);
      if (round > 0) lane.rounds.push(spread);
      harness.progress(`state: round ${round} of ${pace.rounds}, ${lane.name}: ${textOf(spread)}`);
    }
  }
  return lanes;
}

async function measureLane(lane: Lane, pace: Pace): Promise<Spread> {
  const { side } = lane;
  const start = await side.ask('stateUsage', {});
  await wait(pace.idleMs);
  const idle = await side.ask('stateUsage', {});
  const { updates, everyMs } = pace;
  const first = lane.updates;
  const { ms, missing } = await side.ask('update', { first, updates, everyMs, capMs });
  lane.updates += updates;
  if (missing > 0) {
    throw new Error(`${side.name}: ${missing} updates were not known everywhere in ${capMs} ms`);
  }
  const end = await side.ask('stateUsage', {});
  const idleBytes = bytesBetween(start, idle) / secondsBetween(start, idle);
  const updateBytes = bytesBetween(idle, end) - idleBytes * secondsBetween(idle, end);
  return {
    medianMs: percentile(ms, 50),
    p99Ms: percentile(ms, 99),
    idleBytes,
    bytesPerUpdate: updateBytes / updates,
    idleCpuMs: (idle.cpuNs - start.cpuNs) / 1e6 / secondsBetween(start, idle),
  };
}

function bytesBetween(start: Usage, end: Usage): number {
  return end.packetBytes - start.packetBytes + end.streamBytes - start.streamBytes;
}

function secondsBetween(start: Usage, end: Usage): number {
  return (end.atNs - start.atNs) / 1e9;
}

function rowsOf(lanes: readonly Lane[]): Row[] {
  const [ours, ...others] = lanes;
  const rows: Row[] = [];
  const add = (
    what: string,
    unit: Row['unit'],
    of: (spread: Spread) => number,
    mark?: Mark,
  ): void => {
    const values = ours?.rounds.map(of) ?? [];
    if (others.length === 0) rows.push({ what, unit, ours: values });
    for (const { gossipMs, rounds } of others) {
      rows.push({
        what: `${what}, vs. gossip every ${gossipMs === 1_000 ? '1 s' : `${gossipMs} ms`}`,
        unit,
        ours: values,
        other: { name: 'chitchat', values: rounds.map(of) },
        mark,
      });
    }
  };
  const notMore: Mark = { kind: 'ratio', most: 1 };
  add('known everywhere, median', 'ms', ({ medianMs }) => medianMs, notMore);
  add('known everywhere, 99th percentile', 'ms', ({ p99Ms }) => p99Ms, notMore);
  add('idle, all nodes', 'bytes/s', ({ idleBytes }) => idleBytes, notMore);
  add('per update', 'bytes', ({ bytesPerUpdate }) => bytesPerUpdate, notMore);
  add('idle, CPU of the process', 'ms/s', ({ idleCpuMs }) => idleCpuMs);
  return rows;
}

function textOf({ medianMs, p99Ms, idleBytes, bytesPerUpdate }: Spread): string {
  const times = `${medianMs.toFixed(1)}/${p99Ms.toFixed(1)} ms`;
  return `${times}, ${Math.round(idleBytes)} bytes/s, ${Math.round(bytesPerUpdate)} bytes per update`;
}
