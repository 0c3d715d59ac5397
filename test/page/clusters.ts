/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { ClusterSpec } from './fake-cluster.js';
import { FakeToolkit } from './fake-toolkit.js';

/** A name of the maximum length, without a place for a line break. */
export const longName = `edge-${'x'.repeat(250)}`;

/** What the cluster of 200 publishes and shares. */
export const busy = new FakeToolkit({ topics: 120, publishers: 70, nodes: 130, keys: 30 });
/** What the cluster of 3 publishes and shares. */
export const calm = new FakeToolkit({ topics: 2, publishers: 1, nodes: 3, keys: 2 });

/** The clusters that the page is tested with. */
export const clusters: readonly ClusterSpec[] = [
  { members: 3, keys: 1, toolkit: calm },
  { members: 30, suspect: 2, failed: 1, flapping: 1, left: 1, keys: 2, healthScore: 2 },
  {
    members: 200,
    suspect: 3,
    failed: 4,
    flapping: 2,
    left: 5,
    extra: longName,
    toolkit: busy,
    drops: { undecryptable: 1234, malformed: 3, 'queue-full': 17, misaddressed: 2 },
  },
  { members: 1_000, suspect: 8, failed: 12, flapping: 3, left: 4, keys: 1 },
];
