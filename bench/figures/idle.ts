/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The cost of an idle cluster on real sockets, compared with Go and with bare sockets.

import { setTimeout as wait } from 'node:timers/promises';
import type { Usage } from '../protocol.js';
import type { Mark, Row } from '../rows.js';
import type { Side } from '../side.js';
import { median } from '../statistics.js';
import { gatherAll, type Figure, type Harness } from '../harness.js';

const sizes = [
  { nodes: 10, mark: undefined, floorMark: undefined },
  { nodes: 50, mark: 1.25, floorMark: 1.5 },
  { nodes: 200, mark: 1, floorMark: 1.5 },
] as const;
const processes = 5;
const processesMark = 1.5;
const mostTries = 2;
const trafficMark: Mark = { kind: 'ratio', most: 1.05 };

/** How long clusters are measured, in milliseconds. */
interface Pace {
  readonly windowMs: number;
  readonly windows: number;
}

function paceOf({ effort }: Harness): Pace {
  return effort.quick ? { windowMs: 2_000, windows: 2 } : { windowMs: 10_000, windows: 5 };
}

export const idle: Figure = {
  name: 'idle',
  title: 'Idle cost, and its distance from the floor',
  work: `Clusters without changes, with the LAN defaults, on loopback sockets: all nodes in one process, and five
processes of one node each. All clusters of a row run at the same time and are sampled in the same windows; processor
time is that of the whole process, per node and second. The transports of both sides are wrapped in one that counts.
The **floor** is one process of ours with the same number of bare \`dgram\` sockets, which send the same number of
packets of the same size, half of them answers, without a protocol. Memory is the heap growth per node (Go: including
stacks) after garbage collection; for single processes it is the peak of each process. Stream bytes are reported
without a mark: a window contains only a few streams.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    const missing: string[] = [];
    // A cluster that does not become idle on a busy machine does not affect the others.
    const take = async (title: string, measure: () => Promise<Row[]>): Promise<void> => {
      for (let triesLeft = mostTries; triesLeft > 0; triesLeft--) {
        harness.progress(`idle: ${title}`);
        try {
          rows.push(...(await measure()));
          return;
        } catch (error) {
          const { message } = error as Error;
          harness.progress(`idle: ${message}`);
          if (triesLeft === 1) missing.push(`${title}: could not be measured. ${message}`);
        }
      }
    };
    for (const { nodes, ...marks } of harness.effort.quick ? sizes.slice(0, 1) : sizes) {
      await take(`${nodes} nodes`, () => oneProcess(harness, nodes, marks));
    }
    await take(`${processes} processes`, () => manyProcesses(harness));
    return { rows, missing };
  },
};

/** One sample of all clusters. */
interface Sample {
  readonly ours: Usage;
  readonly go: Usage | undefined;
  readonly floor: Usage | undefined;
}

async function oneProcess(
  harness: Harness,
  nodes: number,
  marks: { mark: number | undefined; floorMark: number | undefined },
): Promise<Row[]> {
  await using ours = harness.ours();
  await using go = harness.go();
  await using bare = harness.ours();
  const pace = paceOf(harness);
  // One after the other: two hundred nodes that join next to as many others slow each other down, and become idle
  // late or never.
  const grown = [
    await grownBy(harness, ours, nodes),
    go && (await grownBy(harness, go, nodes)),
  ] as const;
  const sample = async (withFloor: boolean): Promise<Sample> => {
    const [ourUsage, goUsage, floor] = await Promise.all([
      ours.ask('usage', {}),
      go?.ask('usage', {}),
      withFloor ? bare.ask('floorUsage', {}) : undefined,
    ]);
    return { ours: ourUsage, go: goUsage, floor };
  };
  // The packet rate of the nodes is known only after a measurement.
  const before = await sample(false);
  await wait(pace.windowMs);
  const sent = perNodeAndSecond(before.ours, (await sample(false)).ours, nodes);
  await bare.ask('startFloor', {
    addresses: harness.addresses(nodes),
    packetsPerSecond: sent.packets,
    packetBytes: Math.round(sent.packetBytes / sent.packets),
  });
  await wait(pace.windowMs / 2);
  const samples = await takeSamples(pace, () => sample(true));
  await bare.ask('stopFloor', {});
  await Promise.all([ours.ask('stop', {}), go?.ask('stop', {})]);
  const spent = rates(samples, nodes);
  assertSameRate(spent);
  const title = `${nodes} nodes`;
  return [
    ...usageRows(title, spent, marks.mark),
    {
      what: `${title}, CPU vs. bare sockets`,
      unit: 'ms/s',
      ours: spent.ours.map(({ cpuMs }) => cpuMs),
      other: { name: 'floor', values: spent.floor.map(({ cpuMs }) => cpuMs) },
      mark: ratioMark(marks.floorMark),
    },
    memoryRow(`${title}, memory`, grown[0], grown[1]),
  ];
}

/** @throws if the bare sockets did not send as many packets as the nodes */
function assertSameRate({ ours, floor }: Rates): void {
  const total = (all: readonly Rate[]): number => all.reduce((sum, each) => sum + each.packets, 0);
  const ratio = total(floor) / total(ours);
  if (ratio > 0.85 && ratio < 1.15) return;
  throw new Error(`the bare sockets sent ${ratio.toFixed(2)} times as many packets as the nodes`);
}

async function manyProcesses(harness: Harness): Promise<Row[]> {
  const startProcesses = (one: () => Side | undefined): Side[] =>
    Array.from({ length: processes }, () => one() ?? []).flat();
  const ours = startProcesses(() => harness.ours());
  const go = startProcesses(() => harness.go());
  try {
    return await rowsOfProcesses(harness, ours, go);
  } finally {
    await Promise.all([...ours, ...go].map((side) => side[Symbol.asyncDispose]()));
  }
}

async function rowsOfProcesses(
  harness: Harness,
  ours: readonly Side[],
  go: readonly Side[],
): Promise<Row[]> {
  const pace = paceOf(harness);
  for (const sides of [ours, go]) await gatherAll(sides, harness.addresses(processes));
  const all = async (sides: readonly Side[]): Promise<Usage> =>
    sumOf(await Promise.all(sides.map((side) => side.ask('usage', {}))));
  const samples = await takeSamples(pace, async () => {
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
    ...usageRows(title, rates(samples, processes), processesMark),
    memoryRow(`${title}, memory of the process`, ourPeak[0] ?? NaN, go[0] && goPeak[0]),
  ];
}

/** Starts a cluster and returns the heap growth per node, in KiB. */
async function grownBy(harness: Harness, side: Side, nodes: number): Promise<number> {
  const before = await side.ask('heap', {});
  await gatherAll([side], harness.addresses(nodes));
  const after = await side.ask('heap', {});
  return (after.bytes - before.bytes) / nodes / 1024;
}

async function takeSamples(
  { windows, windowMs }: Pace,
  sample: () => Promise<Sample>,
): Promise<Sample[]> {
  const samples = [await sample()];
  for (let i = 0; i < windows; i++) {
    await wait(windowMs);
    samples.push(await sample());
  }
  return samples;
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

/** The rates of each window. */
function rates(samples: readonly Sample[], nodes: number): Rates {
  const of = (side: keyof Sample): Rate[] =>
    samples.slice(1).flatMap((sample, index) => {
      const [start, end] = [samples[index]?.[side], sample[side]];
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

/** The sum of several processes that were sampled at the same time. */
function sumOf(usages: readonly Usage[]): Usage {
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
