/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Runs figures: starts the two sides and lets them work by turns.

import { setTimeout as wait } from 'node:timers/promises';
import type { Inputs } from './inputs.js';
import type { TaskName, Tasks, Timed } from './protocol.js';
import type { Row, Unit } from './rows.js';
import { Side } from './side.js';
import { ratios } from './statistics.js';
import type { Section } from './table.js';

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** How long a side works in one round of a figure within the process, at least; in milliseconds. */
  readonly roundMs: number;
  readonly quick: boolean;
}

/** One figure. */
export interface Figure {
  /** The name for `--only`. */
  readonly name: string;
  readonly title: string;
  readonly work: string;
  /** Whether it is compared with other programs than Go memberlist. */
  readonly withoutGo?: true;
  readonly measure: (harness: Harness) => Promise<Measured>;
}

/** The result of a figure. */
export interface Measured {
  readonly rows: Row[];
  readonly remarks?: readonly string[];
  /** Which rows are missing, and why. */
  readonly missing?: readonly string[];
}

/** The results of both sides, round by round. */
export interface Compared<Result> {
  readonly ours: readonly Result[];
  /** Undefined without Go. */
  readonly go: readonly Result[] | undefined;
}

/** The settings of a harness. */
export interface HarnessInit {
  readonly effort: Effort;
  readonly inputs: Inputs;
  readonly ours: readonly [string, ...string[]];
  /** Undefined without Go. */
  readonly go: readonly [string, ...string[]] | undefined;
  /** Whether figures without Go measure the programs that they are compared with. */
  readonly withOthers: boolean;
  /** Receives progress messages. */
  readonly progress: (text: string) => void;
}

/** Not the default port, which another process may use. */
const nodePort = 17_946;

/** Runs figures. */
export class Harness {
  readonly effort: Effort;
  readonly inputs: Inputs;
  readonly withOthers: boolean;
  readonly progress: (text: string) => void;
  readonly #init: HarnessInit;
  #blocks = 0;

  constructor(init: HarnessInit) {
    this.#init = init;
    this.effort = init.effort;
    this.inputs = init.inputs;
    this.withOthers = init.withOthers;
    this.progress = init.progress;
  }

  /** Starts a process of our side. */
  ours(): Side {
    return new Side('our side', this.#init.ours);
  }

  /** Starts a process of the Go side; undefined without Go. */
  go(): Side | undefined {
    return this.#init.go && new Side('the Go side', this.#init.go);
  }

  /** Loopback addresses that were not used recently. */
  addresses(count: number): string[] {
    const block = this.#blocks++ % 256;
    return Array.from({ length: count }, (_, index) => `127.5.${block}.${index + 1}:${nodePort}`);
  }

  /** Runs a figure. */
  async run({ name, title, work, measure }: Figure): Promise<Section> {
    this.progress(title);
    const { rows, remarks = [], missing = [] } = await measure(this);
    return { name, title, work, rows, remarks, missing };
  }

  /**
   * Lets both sides execute the same task by turns. The first round is a warm-up and does not count; the processes are
   * new, so that code compiled and garbage left by other figures has no effect.
   */
  async compare<Name extends TaskName>(
    name: Name,
    task: Parameters<Tasks[Name]>[0],
  ): Promise<Compared<ReturnType<Tasks[Name]>>> {
    await using ours = this.ours();
    await using go = this.go();
    const results = { ours: [] as ReturnType<Tasks[Name]>[], go: [] as ReturnType<Tasks[Name]>[] };
    for (let round = 0; round <= this.effort.rounds; round++) {
      const [ourResult, goResult] = [await ours.ask(name, task), await go?.ask(name, task)];
      if (round === 0) continue;
      results.ours.push(ourResult);
      if (goResult !== undefined) results.go.push(goResult);
    }
    return { ours: results.ours, go: go && results.go };
  }

  /** The same for our side only. */
  async alone<Name extends TaskName>(
    name: Name,
    task: Parameters<Tasks[Name]>[0],
  ): Promise<ReturnType<Tasks[Name]>[]> {
    await using ours = this.ours();
    const results: ReturnType<Tasks[Name]>[] = [];
    for (let round = 0; round <= this.effort.rounds; round++) {
      const result = await ours.ask(name, task);
      if (round > 0) results.push(result);
    }
    return results;
  }
}

/** Forms one cluster of nodes on all sides, and waits until every node knows all others and the cluster is idle. */
export async function gatherAll(
  sides: readonly Side[],
  addresses: readonly string[],
): Promise<void> {
  const [seed] = addresses;
  if (seed === undefined || sides.length === 0) return;
  const each = Math.ceil(addresses.length / sides.length);
  for (const [place, side] of sides.entries()) {
    const some = addresses.slice(place * each, (place + 1) * each);
    await side.ask('start', { addresses: some, settle: false });
  }
  // The seed knows all nodes after the first time, and every node after the second, unless packets are lost.
  for (let time = 0; time < gatherings; time++) {
    let least = Infinity;
    for (const side of sides) {
      least = Math.min(least, (await side.ask('gather', { seed })).least);
    }
    if (time > 0 && least === addresses.length) return untilQuiet(sides, addresses.length);
    await wait(1_000);
  }
  throw new Error(`${sides[0]?.name}: the ${addresses.length} nodes did not form a cluster`);
}

const gatherings = 8;
/** An idle node sends a ping and an ack per second; while there are updates, up to 15 packets more. */
const quietPackets = 3;
const quietWithinMs = 120_000;

/** Waits until the nodes send no more than idle ones: the updates of the joins have been gossiped. */
async function untilQuiet(sides: readonly Side[], nodes: number): Promise<void> {
  const sent = async (): Promise<number> => {
    const usages = await Promise.all(sides.map((side) => side.ask('usage', {})));
    return usages.reduce((total, { packets }) => total + packets, 0);
  };
  const sampleMs = 2_000;
  let before = await sent();
  for (let waitedMs = 0; waitedMs < quietWithinMs; waitedMs += sampleMs) {
    await wait(sampleMs);
    const now = await sent();
    if ((now - before) / nodes / (sampleMs / 1000) < quietPackets) return;
    before = now;
  }
  const limit = `${quietWithinMs / 1000} s`;
  throw new Error(`${sides[0]?.name}: the ${nodes} nodes did not become idle in ${limit}`);
}

/** The number of nanoseconds per unit. */
const nanoseconds = { ns: 1, µs: 1e3, ms: 1e6 } as const;

/** A row with the wall-clock time of one operation. */
export function wallRow(
  what: string,
  unit: Unit & keyof typeof nanoseconds,
  { ours, go }: Compared<Timed>,
  more: Pick<Row, 'mark' | 'note'> = {},
): Row {
  const wall = ({ wallNs, operations }: Timed): number => wallNs / operations / nanoseconds[unit];
  const cpu = ({ cpuNs, operations }: Timed): number => cpuNs / operations;
  return {
    what,
    unit,
    ours: ours.map(wall),
    other: go && { name: 'Go', values: go.map(wall) },
    cpuRatios: go && ratios(ours.map(cpu), go.map(cpu)),
    ...more,
  };
}

/** @throws if the two sides did not do the same work */
export function assertSame<Result>(
  what: string,
  { ours, go }: Compared<Result>,
  factOf: (result: Result) => unknown,
): void {
  const facts = [...ours, ...(go ?? [])].map((result) => JSON.stringify(factOf(result)));
  const different = new Set(facts);
  if (different.size === 1) return;
  throw new Error(`${what}: the work differed: ${[...different].join(' and ')}`);
}

/** @throws if the work was not as expected */
export function assertEvery<Result>(
  what: string,
  { ours, go }: Compared<Result>,
  factOf: (result: Result) => unknown,
  expected: unknown,
): void {
  for (const [side, results] of Object.entries({ ours, Go: go ?? [] })) {
    for (const result of results) {
      const fact = factOf(result);
      if (fact === expected) continue;
      throw new Error(`${what}, ${side}: ${String(fact)} instead of ${String(expected)}`);
    }
  }
}
