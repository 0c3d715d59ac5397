/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Node } from '../../core/member.js';
import { printableJson } from '../../wire/printable.js';
import { nodeAsJson } from '../show-meta.js';
import { nextTurn } from './cached.js';
import { pageLimits } from './limits.js';

/** Members as a JSON array, created in slices: for a large cluster it takes longer than one turn should. */
export async function membersJson(members: readonly Node[]): Promise<Buffer> {
  const pieces = [Buffer.from('[')];
  for (let from = 0; from < members.length; from += pageLimits.membersPerTurn) {
    if (from > 0) await nextTurn();
    const slice = members.slice(from, from + pageLimits.membersPerTurn);
    const text = slice.map((node) => printableJson(nodeAsJson(node))).join(',');
    pieces.push(Buffer.from(from > 0 ? `,${text}` : text));
  }
  pieces.push(Buffer.from(']\n'));
  return Buffer.concat(pieces);
}
