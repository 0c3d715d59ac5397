/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Mutations that ignore the meaning of the bytes.
import type { Dice } from './dice.js';

// First bytes of MessagePack's containers, lengths and odd forms.
const firsts = [0x80, 0x8f, 0x9f, 0xc1, 0xc6, 0xc9, 0xcf, 0xd3, 0xd9, 0xdb, 0xdd, 0xdf, 0xff, 0];

/** Random bytes; half of them begin like a message. */
export function noise(dice: Dice): Buffer {
  const bytes = dice.bytes(dice.oneIn(200) ? dice.below(60_000) : dice.below(200));
  if (bytes.length > 0 && dice.oneIn(2)) bytes[0] = dice.oneIn(10) ? 0xf4 : dice.below(14);
  if (bytes.length > 1 && dice.oneIn(2)) bytes[1] = 0x80 | dice.below(8);
  return bytes;
}

/** A copy with one change; `other` provides bytes to insert. */
export function mutateBytes(original: Buffer, other: Buffer, dice: Dice): Buffer {
  const bytes = Buffer.from(original);
  const at = dice.below(bytes.length + 1);
  if (at === bytes.length) return Buffer.concat([bytes, noise(dice).subarray(0, 50)]);
  const byte = bytes[at] as number;
  switch (dice.below(9)) {
    case 0:
      bytes[at] = byte ^ (1 << dice.below(8));
      return bytes;
    case 1:
      bytes[at] = dice.below(256);
      return bytes;
    case 2:
      bytes[at] = dice.pick(firsts);
      return bytes;
    case 3:
      bytes[at] = byte + dice.pick([-1, 1]);
      return bytes;
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(dice.below(other.length + 1))]);
    case 6: {
      const end = at + dice.below(bytes.length - at + 1);
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    }
    case 7:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + dice.below(4))]);
    default:
      if (at + 4 > bytes.length) return bytes;
      bytes.writeUInt32BE(dice.pick([0, 0xffffffff, 0x7fffffff, 0x80000000, 0xffff]), at);
      return bytes;
  }
}
