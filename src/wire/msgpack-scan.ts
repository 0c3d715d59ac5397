/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Finds where a MessagePack value ends without building it. Whatever comes from the network is
// walked by this first, so that nothing is allocated by a length that a header merely claims, and
// so that a stream knows when a value is whole.
import { limits } from './limits.js';
import { WireError } from './wire-error.js';

/** The value is not whole yet: more bytes are needed. */
export const INCOMPLETE = -1;

// What follows the first byte 0xc0 … 0xdf: bytes of a length field, and bytes beside that length.
const FIXED_SIZE: Readonly<Record<number, number>> = {
  0xc0: 0, // nil
  0xc2: 0, // false
  0xc3: 0, // true
  0xca: 4, // float
  0xcb: 8,
  0xcc: 1, // unsigned
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1, // signed
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
  0xd4: 2, // fixext: type and data
  0xd5: 3,
  0xd6: 5,
  0xd7: 9,
  0xd8: 17,
};

/**
 * The offset behind the value that starts at `start`, or {@link INCOMPLETE}.
 *
 * @throws WireError for a value that is too deep, has too many elements, or an unused first byte
 */
export function scanValue(buf: Buffer, start: number, end: number): number {
  let pos = start;
  // Values still to come at each open level; a map counts two for each pair.
  const open = [1];
  let elements = 0;
  while (open.length > 0) {
    const left = open[open.length - 1] ?? 0;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    if (++elements > limits.msgpackElements) {
      throw new WireError('too-large', `more than ${limits.msgpackElements} MessagePack values`);
    }
    if (pos >= end) return INCOMPLETE;
    const first = buf[pos] as number;
    const inner = containerLength(buf, pos, end, first);
    if (inner === INCOMPLETE) return INCOMPLETE;
    if (inner !== undefined) {
      pos += first >= 0xdc ? (first & 1 ? 5 : 3) : 1;
      if (open.length >= limits.msgpackDepth) {
        throw new WireError('too-deep', `MessagePack nested over ${limits.msgpackDepth} deep`);
      }
      open.push(inner);
      continue;
    }
    pos = scalarEnd(buf, pos, end, first);
    if (pos === INCOMPLETE || pos > end) return INCOMPLETE;
  }
  return pos;
}

// How many values are in the array or map that starts here; undefined when it is neither.
function containerLength(buf: Buffer, pos: number, end: number, first: number): number | undefined {
  if (first >= 0x80 && first <= 0x8f) return (first & 0x0f) * 2;
  if (first >= 0x90 && first <= 0x9f) return first & 0x0f;
  if (first < 0xdc || first > 0xdf) return undefined;
  const wide = (first & 1) === 1;
  if (pos + (wide ? 5 : 3) > end) return INCOMPLETE;
  const count = wide ? buf.readUInt32BE(pos + 1) : buf.readUInt16BE(pos + 1);
  return first >= 0xde ? count * 2 : count;
}

function scalarEnd(buf: Buffer, pos: number, end: number, first: number): number {
  if (first <= 0x7f || first >= 0xe0) return pos + 1;
  if (first >= 0xa0 && first <= 0xbf) return pos + 1 + (first & 0x1f);
  const fixed = FIXED_SIZE[first];
  if (fixed !== undefined) return pos + 1 + fixed;
  if (first === 0xc1) throw new WireError('malformed', 'c1 is not MessagePack');
  // bin 8/16/32 (c4–c6), ext 8/16/32 (c7–c9), str 8/16/32 (d9–db)
  const extra = first >= 0xc7 && first <= 0xc9 ? 1 : 0;
  const width = 1 << ((first - (first >= 0xd9 ? 0xd9 : extra === 1 ? 0xc7 : 0xc4)) & 3);
  if (pos + 1 + width > end) return INCOMPLETE;
  return pos + 1 + width + extra + buf.readUIntBE(pos + 1, width);
}
