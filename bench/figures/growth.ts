/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whether a node costs more the larger its cluster is.

import type { Row } from '../rows.js';
import { median } from '../statistics.js';
import type { Figure } from '../stage.js';

const sizes = [10, 30, 100, 300, 1000];
/** What "flat" is taken to mean: so many times what a node of the smallest cluster costs, at most. */
const flat = 1.5;
/** Each window has about so much work. */
const nodeSeconds = 6_000;

export const growth: Figure = {
  name: 'growth',
  title: 'Growth',
  work: `Processor time of a node in a second of its life in a quiet cluster, in virtual time and over a network in
memory (\`SimulatedCluster\`): the protocol's work alone, without sockets. Ours alone. It should be flat: the mark
is ${flat} times the cost in the smallest cluster.`,
  measure: async (stage) => {
    const rows: Row[] = [];
    let most: number | undefined;
    const { quick } = stage.effort;
    for (const nodes of quick ? sizes.slice(0, 3) : sizes) {
      stage.progress(`growth: ${nodes} nodes`);
      await using side = stage.ours();
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
