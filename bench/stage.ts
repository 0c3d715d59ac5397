/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Where figures are run: it starts the two sides and has them work by turns.

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
  /** How long a side works in one round of a figure within the process, at least; milliseconds. */
  readonly roundMs: number;
  readonly quick: boolean;
}

/** One figure. */
export interface Figure {
  /** As `--only` has it. */
  readonly name: string;
  readonly title: string;
  readonly work: string;
  readonly measure: (stage: Stage) => Promise<Measured>;
}

/** What comes of a figure. */
export interface Measured {
  readonly rows: Row[];
  readonly remarks?: readonly string[];
  /** What rows are missing, and why. */
  readonly missing?: readonly string[];
}

/** The results of both sides, round by round. */
export interface Compared<Result> {
  readonly ours: readonly Result[];
  /** Undefined without Go. */
  readonly go: readonly Result[] | undefined;
}

/** What a stage is set with. */
export interface StageInit {
  readonly effort: Effort;
  readonly inputs: Inputs;
  readonly ours: readonly [string, ...string[]];
  /** Undefined without Go. */
  readonly go: readonly [string, ...string[]] | undefined;
  /** Told of what goes on. */
  readonly progress: (text: string) => void;
}

/** Not the default, which somebody else may have. */
const nodePort = 17_946;

/** A stage. */
export class Stage {
  readonly effort: Effort;
  readonly inputs: Inputs;
  readonly progress: (text: string) => void;
  readonly #init: StageInit;
  #blocks = 0;

  constructor(init: StageInit) {
    this.#init = init;
    this.effort = init.effort;
    this.inputs = init.inputs;
    this.progress = init.progress;
  }

  /** A new process of ours. */
  ours(): Side {
    return new Side('our side', this.#init.ours);
  }

  /** A new process of Go's; undefined without Go. */
  go(): Side | undefined {
    return this.#init.go && new Side("Go's side", this.#init.go);
  }

  /** Loopback addresses that nobody has had lately. */
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
   * Has both sides do the same, by turns. The first round warms up and does not count; the processes are
   * new, so that what was compiled and collected for other figures plays no part.
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

  /** The same of ours alone. */
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

/** Makes one cluster of nodes that are spread over the sides, until all know all and it is quiet. */
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
  // The seed knows all after the first time, and all know all after the second, unless packets are lost.
  for (let time = 0; time < gatherings; time++) {
    let least = Infinity;
    for (const side of sides) {
      least = Math.min(least, (await side.ask('gather', { seed })).least);
    }
    if (time > 0 && least === addresses.length) return untilQuiet(sides, addresses.length);
    await wait(1_000);
  }
  throw new Error(`${sides[0]?.name}: the ${addresses.length} nodes did not come together`);
}

const gatherings = 8;
/** A quiet node sends a ping and an ack in a second; while there is news, up to 15 packets more. */
const quietPackets = 3;
const quietWithinMs = 120_000;

/** Waits until the nodes send no more than quiet ones do: the news of the joins has been passed on. */
async function untilQuiet(sides: readonly Side[], nodes: number): Promise<void> {
  const sent = async (): Promise<number> => {
    const usages = await Promise.all(sides.map((side) => side.ask('usage', {})));
    return usages.reduce((total, { packets }) => total + packets, 0);
  };
  const lookMs = 2_000;
  let before = await sent();
  for (let waitedMs = 0; waitedMs < quietWithinMs; waitedMs += lookMs) {
    await wait(lookMs);
    const now = await sent();
    if ((now - before) / nodes / (lookMs / 1000) < quietPackets) return;
    before = now;
  }
  const limit = `${quietWithinMs / 1000} s`;
  throw new Error(`${sides[0]?.name}: the ${nodes} nodes did not become quiet in ${limit}`);
}

/** How many nanoseconds a unit has. */
const nanoseconds = { ns: 1, µs: 1e3, ms: 1e6 } as const;

/** A row of what one operation takes by the wall clock. */
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

/** @throws when the two sides did not do the same work */
export function assertSame<Result>(
  what: string,
  { ours, go }: Compared<Result>,
  factOf: (result: Result) => unknown,
): void {
  const facts = [...ours, ...(go ?? [])].map((result) => JSON.stringify(factOf(result)));
  const different = new Set(facts);
  if (different.size === 1) return;
  throw new Error(`${what}: the work was not the same: ${[...different].join(' and ')}`);
}

/** @throws when the work was not what it should have been */
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
