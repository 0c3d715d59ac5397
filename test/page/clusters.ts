/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { ClusterSpec } from './fake-cluster.js';

/** A name of the maximum length, without a place for a line break. */
export const longName = `edge-${'x'.repeat(250)}`;

/** The clusters that the page is tested with. */
export const clusters: readonly ClusterSpec[] = [
  { members: 3, keys: 1 },
  { members: 30, suspect: 2, failed: 1, flapping: 1, left: 1, keys: 2, healthScore: 2 },
  {
    members: 200,
    suspect: 3,
    failed: 4,
    flapping: 2,
    left: 5,
    extra: longName,
    drops: { undecryptable: 1234, malformed: 3, 'queue-full': 17, misaddressed: 2 },
  },
  { members: 1_000, suspect: 8, failed: 12, flapping: 3, left: 4, keys: 1 },
];
