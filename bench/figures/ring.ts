/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Lookups of a hash ring.

import { wallRow, type Figure } from '../harness.js';
import type { Row } from '../rows.js';

/** The most nanoseconds for a lookup: 1,000,000 per second with 50 members, and 200,000 with 1,000. */
const marks: readonly (readonly [members: number, ns: number])[] = [
  [50, 1_000],
  [1_000, 5_000],
];

export const ring: Figure = {
  name: 'ring',
  title: 'Ring',
  work: `Finds the owner of a key (\`Ring.owner\`; weighted rendezvous hashing), for a thousand different keys of about 20
characters in turn. Ours only. The marks are 1,000,000 lookups per second with 50 members and 200,000 with 1,000, for members
of equal weight. With other weights each member has its own.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    for (const [members, most] of marks) {
      for (const weighted of [false, true]) {
        const task = { members, weighted, minMs: harness.effort.roundMs };
        const ours = await harness.alone('ring', task);
        const what = `${members} members${weighted ? ' of different weights' : ''}`;
        const mark = weighted ? {} : { mark: { kind: 'value', most } as const };
        rows.push(wallRow(what, 'ns', { ours, go: undefined }, mark));
      }
    }
    return { rows };
  },
};
