/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The hash of a view: equal for two nodes exactly if they give the same answers.
import { createHash } from 'node:crypto';
import { encodeName } from '../index.js';
import type { RingMember } from './table.js';

/** Changes with every change of the hash functions or of the order of members. */
const algorithm = 'node-memberlist ring 1';

/**
 * A hash of everything that determines answers.
 *
 * @param members - in the order of the table
 */
export function viewHash(members: readonly RingMember[], replicas: number): string {
  const hash = createHash('sha256').update(algorithm);
  const numbers = Buffer.alloc(12);
  numbers.writeDoubleBE(replicas);
  hash.update(numbers);
  for (const { name, weight } of members) {
    const bytes = encodeName(name);
    numbers.writeDoubleBE(weight);
    numbers.writeUInt32BE(bytes.length, 8);
    hash.update(numbers).update(bytes);
  }
  return hash.digest('hex').slice(0, 16);
}
