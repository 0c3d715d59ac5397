/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whether the cost of a node grows with its cluster.

import type { Row } from '../rows.js';
import { median } from '../statistics.js';
import type { Figure } from '../harness.js';

const sizes = [10, 30, 100, 300, 1000];
/** The definition of "flat": at most this many times the cost of a node in the smallest cluster. */
const flat = 1.5;
/** The approximate amount of work in each window. */
const nodeSeconds = 6_000;

export const growth: Figure = {
  name: 'growth',
  title: 'Growth',
  work: `Processor time of a node per second in an idle cluster, in virtual time and over an in-memory network
(\`SimulatedCluster\`): only the protocol's work, without sockets. Ours only. It should be flat: the mark is
${flat} times the cost in the smallest cluster.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    let most: number | undefined;
    const { quick } = harness.effort;
    for (const nodes of quick ? sizes.slice(0, 3) : sizes) {
      harness.progress(`growth: ${nodes} nodes`);
      await using side = harness.ours();
      const { microseconds } = await side.ask('growth', {
        nodes,
        quietMs: 40_000,
        windowMs: Math.round(((quick ? nodeSeconds / 10 : nodeSeconds) / nodes) * 1000),
        windows: 3,
      });
      const mark = most === undefined ? undefined : ({ kind: 'value', most } as const);
      rows.push({ what: `${nodes} nodes`, unit: 'µs/s', ours: microseconds, mark });
      most ??= Math.round(median(microseconds) * flat);
    }
    return { rows };
  },
};
