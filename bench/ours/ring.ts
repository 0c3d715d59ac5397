/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Lookups of a hash ring.

import { RendezvousTable } from '../../src/ring/table.js';
import type { RingTask, Timed } from '../protocol.js';
import { repeat } from './stopwatch.js';

const count = 1_000;

export function ring({ members, weighted, minMs }: RingTask): Timed {
  const table = new RendezvousTable(
    Array.from({ length: members }, (_, i) => ({
      name: `web-${i}`,
      weight: weighted ? 1 + i / 7 : 1,
    })),
  );
  const keys = Array.from({ length: count }, (_, i) => `user:${1_000 + i}:session:${i}`);
  let found = 0;
  const timed = repeat(minMs, count, () => {
    for (const key of keys) if (table.owner(key) !== undefined) found++;
  });
  if (found !== timed.operations) throw new Error('a key has no owner');
  return timed;
}
