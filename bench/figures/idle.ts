/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a quiet cluster costs on real sockets, beside Go and beside bare sockets.

import { setTimeout as wait } from 'node:timers/promises';
import type { Usage } from '../protocol.js';
import type { Mark, Row } from '../rows.js';
import type { Side } from '../side.js';
import { median } from '../statistics.js';
import { gatherAll, type Figure, type Stage } from '../stage.js';

const sizes = [
  { nodes: 10, mark: undefined, floorMark: undefined },
  { nodes: 50, mark: 1.25, floorMark: 1.5 },
  { nodes: 200, mark: 1, floorMark: 1.5 },
] as const;
const processes = 5;
const processesMark = 1.5;
const mostTries = 2;
const trafficMark: Mark = { kind: 'ratio', most: 1.05 };

/** How long clusters are watched, milliseconds. */
interface Pace {
  readonly windowMs: number;
  readonly windows: number;
}

function paceOf({ effort }: Stage): Pace {
  return effort.quick ? { windowMs: 2_000, windows: 2 } : { windowMs: 10_000, windows: 5 };
}

export const idle: Figure = {
  name: 'idle',
  title: 'Idle cost, and how far it is from the floor',
  work: `Clusters in which nothing happens, with the defaults for a LAN, on loopback sockets: all nodes in one
process, and five processes of one node each. All clusters of a row run at the same time and are looked at in the
same windows of time; processor time is of the whole process, by node and second. Transports of both sides are
wrapped in one that counts. The **floor** is one process of ours with as many bare \`dgram\` sockets, which
send as many packets of the same size, half of them answers, without a protocol. Memory is what the heap grew
by for each node (Go: with stacks), after the garbage was collected; of single processes it is the most that
each ever had. Streams are told, not judged: a window sees few of them.`,
  measure: async (stage) => {
    const rows: Row[] = [];
    const missing: string[] = [];
    // A cluster that does not become quiet on a busy machine takes nothing from the others.
    const take = async (title: string, measure: () => Promise<Row[]>): Promise<void> => {
      for (let triesLeft = mostTries; triesLeft > 0; triesLeft--) {
        stage.progress(`idle: ${title}`);
        try {
          rows.push(...(await measure()));
          return;
        } catch (error) {
          const { message } = error as Error;
          stage.progress(`idle: ${message}`);
          if (triesLeft === 1) missing.push(`${title}: could not be taken. ${message}`);
        }
      }
    };
    for (const { nodes, ...marks } of stage.effort.quick ? sizes.slice(0, 1) : sizes) {
      await take(`${nodes} nodes`, () => oneProcess(stage, nodes, marks));
    }
    await take(`${processes} processes`, () => manyProcesses(stage));
    return { rows, missing };
  },
};

/** One look at everybody. */
interface Look {
  readonly ours: Usage;
  readonly go: Usage | undefined;
  readonly floor: Usage | undefined;
}

async function oneProcess(
  stage: Stage,
  nodes: number,
  marks: { mark: number | undefined; floorMark: number | undefined },
): Promise<Row[]> {
  await using ours = stage.ours();
  await using go = stage.go();
  await using bare = stage.ours();
  const pace = paceOf(stage);
  // One after the other: two hundred nodes that join beside as many others take each other's time, and become
  // quiet late or never.
  const grown = [
    await grownBy(stage, ours, nodes),
    go && (await grownBy(stage, go, nodes)),
  ] as const;
  const look = async (withFloor: boolean): Promise<Look> => {
    const [ourUsage, goUsage, floor] = await Promise.all([
      ours.ask('usage', {}),
      go?.ask('usage', {}),
      withFloor ? bare.ask('floorUsage', {}) : undefined,
    ]);
    return { ours: ourUsage, go: goUsage, floor };
  };
  // What nodes send is only known once it was seen.
  const before = await look(false);
  await wait(pace.windowMs);
  const sent = perNodeAndSecond(before.ours, (await look(false)).ours, nodes);
  await bare.ask('startFloor', {
    addresses: stage.addresses(nodes),
    packetsPerSecond: sent.packets,
    packetBytes: Math.round(sent.packetBytes / sent.packets),
  });
  await wait(pace.windowMs / 2);
  const looks = await looksAt(pace, () => look(true));
  await bare.ask('stopFloor', {});
  await Promise.all([ours.ask('stop', {}), go?.ask('stop', {})]);
  const spent = rates(looks, nodes);
  assertSameRate(spent);
  const title = `${nodes} nodes`;
  return [
    ...usageRows(title, spent, marks.mark),
    {
      what: `${title}, CPU beside bare sockets`,
      unit: 'ms/s',
      ours: spent.ours.map(({ cpuMs }) => cpuMs),
      other: { name: 'floor', values: spent.floor.map(({ cpuMs }) => cpuMs) },
      mark: ratioMark(marks.floorMark),
    },
    memoryRow(`${title}, memory`, grown[0], grown[1]),
  ];
}

/** @throws when the bare sockets did not send as much as the nodes */
function assertSameRate({ ours, floor }: Rates): void {
  const total = (all: readonly Rate[]): number => all.reduce((sum, each) => sum + each.packets, 0);
  const ratio = total(floor) / total(ours);
  if (ratio > 0.85 && ratio < 1.15) return;
  throw new Error(`the bare sockets sent ${ratio.toFixed(2)} times as many packets as the nodes`);
}

async function manyProcesses(stage: Stage): Promise<Row[]> {
  const crowd = (one: () => Side | undefined): Side[] =>
    Array.from({ length: processes }, () => one() ?? []).flat();
  const ours = crowd(() => stage.ours());
  const go = crowd(() => stage.go());
  try {
    return await rowsOfProcesses(stage, ours, go);
  } finally {
    await Promise.all([...ours, ...go].map((side) => side[Symbol.asyncDispose]()));
  }
}

async function rowsOfProcesses(
  stage: Stage,
  ours: readonly Side[],
  go: readonly Side[],
): Promise<Row[]> {
  const pace = paceOf(stage);
  for (const crowdOfOne of [ours, go]) await gatherAll(crowdOfOne, stage.addresses(processes));
  const all = async (sides: readonly Side[]): Promise<Usage> =>
    together(await Promise.all(sides.map((side) => side.ask('usage', {}))));
  const looks = await looksAt(pace, async () => {
    const [ourUsage, goUsage] = await Promise.all([
      all(ours),
      go.length === 0 ? undefined : all(go),
    ]);
    return { ours: ourUsage, go: goUsage, floor: undefined };
  });
  const peak = async (sides: readonly Side[]): Promise<number[]> => {
    const heaps = await Promise.all(sides.map((side) => side.ask('heap', {})));
    return [median(heaps.map(({ peakKiB }) => peakKiB))];
  };
  const [ourPeak, goPeak] = [await peak(ours), await peak(go)];
  const title = `${processes} processes of one node`;
  return [
    ...usageRows(title, rates(looks, processes), processesMark),
    memoryRow(`${title}, memory of the process`, ourPeak[0] ?? NaN, go[0] && goPeak[0]),
  ];
}

/** Starts a cluster and says what the heap grew by, for each node; KiB. */
async function grownBy(stage: Stage, side: Side, nodes: number): Promise<number> {
  const before = await side.ask('heap', {});
  await gatherAll([side], stage.addresses(nodes));
  const after = await side.ask('heap', {});
  return (after.bytes - before.bytes) / nodes / 1024;
}

async function looksAt({ windows, windowMs }: Pace, look: () => Promise<Look>): Promise<Look[]> {
  const looks = [await look()];
  for (let i = 0; i < windows; i++) {
    await wait(windowMs);
    looks.push(await look());
  }
  return looks;
}

interface Rate {
  readonly cpuMs: number;
  readonly packets: number;
  readonly packetBytes: number;
  readonly streamBytes: number;
}

interface Rates {
  readonly ours: readonly Rate[];
  readonly go: readonly Rate[];
  readonly floor: readonly Rate[];
}

/** What each window came to. */
function rates(looks: readonly Look[], nodes: number): Rates {
  const of = (who: keyof Look): Rate[] =>
    looks.slice(1).flatMap((look, index) => {
      const [start, end] = [looks[index]?.[who], look[who]];
      if (start === undefined || end === undefined) return [];
      return [perNodeAndSecond(start, end, nodes)];
    });
  return { ours: of('ours'), go: of('go'), floor: of('floor') };
}

function perNodeAndSecond(start: Usage, end: Usage, nodes: number): Rate {
  const seconds = (end.atNs - start.atNs) / 1e9;
  const rate = (what: Exclude<keyof Usage, 'atNs'>): number =>
    (end[what] - start[what]) / nodes / seconds;
  return {
    cpuMs: rate('cpuNs') / 1e6,
    packets: rate('packets'),
    packetBytes: rate('packetBytes'),
    streamBytes: rate('streamBytes'),
  };
}

/** Several processes as one; they were asked at the same time. */
function together(usages: readonly Usage[]): Usage {
  const sum = (what: Exclude<keyof Usage, 'atNs'>): number =>
    usages.reduce((total, usage) => total + usage[what], 0);
  return {
    cpuNs: sum('cpuNs'),
    atNs: usages[0]?.atNs ?? NaN,
    packets: sum('packets'),
    packetBytes: sum('packetBytes'),
    streamBytes: sum('streamBytes'),
  };
}

function usageRows(title: string, { ours, go }: Rates, cpuMark: number | undefined): Row[] {
  const row = (what: string, unit: Row['unit'], of: keyof Rate, mark: Mark | undefined): Row => ({
    what: `${title}, ${what}`,
    unit,
    ours: ours.map((rate) => rate[of]),
    other: go.length === 0 ? undefined : { name: 'Go', values: go.map((rate) => rate[of]) },
    mark,
  });
  return [
    row('CPU', 'ms/s', 'cpuMs', ratioMark(cpuMark)),
    row('packets', 'packets/s', 'packets', trafficMark),
    row('bytes in packets', 'bytes/s', 'packetBytes', trafficMark),
    row('bytes in streams', 'bytes/s', 'streamBytes', undefined),
  ];
}

function memoryRow(what: string, ours: number, go: number | undefined): Row {
  const other = go === undefined ? undefined : { name: 'Go' as const, values: [go] };
  return { what, unit: 'KiB', ours: [ours], other };
}

function ratioMark(most: number | undefined): Mark | undefined {
  return most === undefined ? undefined : { kind: 'ratio', most };
}
