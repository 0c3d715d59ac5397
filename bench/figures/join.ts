/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Many nodes join at once through one seed.

import { setTimeout as wait } from 'node:timers/promises';
import type { Joined } from '../protocol.js';
import type { Row } from '../rows.js';
import type { Side } from '../side.js';
import type { Figure, Harness } from '../harness.js';

const capMs = 70_000;
/** A run that is not complete by now only waits for the next push/pull of some node. */
const patienceMs = 10_000;

interface Size {
  readonly nodes: number;
  readonly runs: number;
  /** In seconds. */
  readonly slowestMark?: number;
  readonly cpuMark?: number;
}

const full: readonly Size[] = [
  { nodes: 50, runs: 20, slowestMark: 5 },
  { nodes: 200, runs: 5, cpuMark: 1 },
];
const quick: readonly Size[] = [{ nodes: 20, runs: 2 }];

export const join: Figure = {
  name: 'join',
  title: 'Join',
  work: `All nodes of a process join the first one at the same moment, with the LAN defaults: the time until every
node lists every other, and the processor time spent until then. A node that is rejected (a node accepts 128 joins at
a time, on both sides) retries after a second. Clusters of the two sides start by turns, each at new addresses. A run
that is not complete after ${patienceMs / 1000} s continues while the next one starts, because it only waits; after
${capMs / 1000} s it is canceled and counts as that long.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    const remarks: string[] = [];
    for (const size of harness.effort.quick ? quick : full) {
      const { ours, go } = await runsOf(harness, size);
      rows.push(...rowsOf(size, ours, go));
      for (const [name, runs] of [
        ['ours', ours],
        ['Go', go],
      ] as const) {
        const given = runs.filter(({ complete }) => !complete).length;
        if (given > 0) {
          remarks.push(
            `${size.nodes} nodes, ${name}: ${given} of ${runs.length} runs were canceled.`,
          );
        }
      }
    }
    return { rows, remarks };
  },
};

async function runsOf(
  harness: Harness,
  { nodes, runs }: Size,
): Promise<{ ours: Joined[]; go: Joined[] }> {
  const ours = new Lane(harness, nodes, () => harness.ours());
  const go = new Lane(harness, nodes, () => harness.go());
  try {
    for (let run = 0; run < runs; run++) {
      harness.progress(`join: ${nodes} nodes, run ${run + 1} of ${runs}`);
      await ours.run();
      await go.run();
    }
    return { ours: await ours.results(), go: await go.results() };
  } finally {
    await Promise.all([ours.end(), go.end()]);
  }
}

/** The runs of one side. */
class Lane {
  readonly #harness: Harness;
  readonly #nodes: number;
  readonly #make: () => Side | undefined;
  readonly #all: Side[] = [];
  readonly #free: Side[] = [];
  readonly #runs: Promise<Joined>[] = [];

  constructor(harness: Harness, nodes: number, make: () => Side | undefined) {
    this.#harness = harness;
    this.#nodes = nodes;
    this.#make = make;
  }

  /** Starts a run; resolves when it is complete or only waits. Does nothing without a side. */
  async run(): Promise<void> {
    const side = this.#free.pop() ?? this.#another();
    if (side === undefined) return;
    const joined = this.#joinOnce(side);
    this.#runs.push(joined);
    const freed = joined.then(() => void this.#free.push(side));
    await Promise.race([freed, wait(patienceMs)]);
  }

  results(): Promise<Joined[]> {
    return Promise.all(this.#runs);
  }

  async end(): Promise<void> {
    await Promise.all(this.#all.map((side) => side[Symbol.asyncDispose]()));
  }

  #another(): Side | undefined {
    const side = this.#make();
    if (side !== undefined) this.#all.push(side);
    return side;
  }

  async #joinOnce(side: Side): Promise<Joined> {
    await side.ask('start', { addresses: this.#harness.addresses(this.#nodes), settle: true });
    const joined = await side.ask('joinAll', { capMs });
    await side.ask('stop', {});
    return joined;
  }
}

function rowsOf(size: Size, ours: readonly Joined[], go: readonly Joined[]): Row[] {
  const row = (
    what: string,
    of: (joined: Joined) => number,
    more: Pick<Row, 'unit' | 'mark' | 'by'>,
  ): Row => ({
    what: `${size.nodes} nodes, ${what}`,
    ours: ours.map(of),
    other: go.length === 0 ? undefined : { name: 'Go', values: go.map(of) },
    ...more,
  });
  const seconds = ({ ms }: Joined): number => ms / 1000;
  const { runs, slowestMark, cpuMark } = size;
  return [
    row('all nodes see all, median', seconds, { unit: 's', mark: { kind: 'ratio', most: 1 } }),
    row(`all nodes see all, slowest of ${runs}`, seconds, {
      unit: 's',
      by: 'largest',
      mark: slowestMark === undefined ? undefined : { kind: 'value', most: slowestMark },
    }),
    row('CPU', ({ cpuMs }) => cpuMs, {
      unit: 'ms',
      mark: cpuMark === undefined ? undefined : { kind: 'ratio', most: cpuMark },
    }),
  ];
}
