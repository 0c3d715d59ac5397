/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Many nodes come up at once through one seed.

import type { Joined } from '../protocol.js';
import type { Row } from '../rows.js';
import type { Side } from '../side.js';
import type { Figure, Stage } from '../stage.js';

const capMs = 70_000;

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
  work: `All nodes of a process join the first one at the same moment, with the defaults for a LAN: until every node
lists every other, and the processor time spent until then. Clusters of the two sides come up by turns, each at
new addresses. A run is given up after ${capMs / 1000} s and counts as that long.`,
  measure: async (stage) => {
    const rows: Row[] = [];
    const remarks: string[] = [];
    for (const size of stage.effort.quick ? quick : full) {
      const { ours, go } = await runsOf(stage, size);
      rows.push(...rowsOf(size, ours, go));
      for (const [name, runs] of [
        ['ours', ours],
        ['Go', go],
      ] as const) {
        const given = runs.filter(({ complete }) => !complete).length;
        if (given > 0) {
          remarks.push(
            `${size.nodes} nodes, ${name}: ${given} of ${runs.length} runs were given up.`,
          );
        }
      }
    }
    return { rows, remarks };
  },
};

async function runsOf(
  stage: Stage,
  { nodes, runs }: Size,
): Promise<{ ours: Joined[]; go: Joined[] }> {
  await using ours = stage.ours();
  await using go = stage.go();
  const results = { ours: [] as Joined[], go: [] as Joined[] };
  for (let run = 0; run < runs; run++) {
    stage.progress(`join: ${nodes} nodes, run ${run + 1} of ${runs}`);
    results.ours.push(await joinOnce(stage, ours, nodes));
    if (go !== undefined) results.go.push(await joinOnce(stage, go, nodes));
  }
  return results;
}

async function joinOnce(stage: Stage, side: Side, nodes: number): Promise<Joined> {
  await side.ask('start', { addresses: stage.addresses(nodes), settle: true });
  const joined = await side.ask('joinAll', { capMs });
  await side.ask('stop', {});
  return joined;
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
    row('all see all, median', seconds, { unit: 's', mark: { kind: 'ratio', most: 1 } }),
    row(`all see all, slowest of ${runs}`, seconds, {
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
