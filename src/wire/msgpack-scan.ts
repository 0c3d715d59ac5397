/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Finds the end of a MessagePack value without decoding it. All data from the network is scanned first, so that a
// length that a header merely claims allocates nothing, and so that a stream detects when a value is complete.
import { limits } from './limits.js';
import { WireError } from './wire-error.js';

/** The value is incomplete: more bytes are needed. */
export const INCOMPLETE = -1;

// What follows the first byte 0xc0 … 0xdf: the number of bytes after it.
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
 * The offset after the value that starts at `start`, or {@link INCOMPLETE}.
 *
 * @throws WireError for a value that is too deep, has too many elements, or an unused first byte
 */
export function scanValue(buf: Buffer, start: number, end: number): number {
  const result = scanOrMissing(buf, start, end);
  return result < 0 ? INCOMPLETE : result;
}

/**
 * Like {@link scanValue}, but returns a negative number for an incomplete value: at least that many bytes are
 * missing. A caller that waits for them does not rescan a slow stream for each byte.
 */
export function scanOrMissing(buf: Buffer, start: number, end: number): number {
  let pos = start;
  // Values still missing in the innermost container, in the enclosing ones, and in all of them together; a map counts
  // two per pair.
  let left = 1;
  const outer: number[] = [];
  let pending = 1;
  let elements = 0;
  for (;;) {
    while (left === 0) {
      const enclosing = outer.pop();
      if (enclosing === undefined) return pos;
      left = enclosing;
    }
    if (pos >= end) return -pending;
    left--;
    pending--;
    elements++;
    const first = buf[pos] as number;
    const inner = containerLength(buf, pos, end, first);
    if (inner === undefined) {
      pos = scalarEnd(buf, pos, end, first);
      if (pos === INCOMPLETE) return -pending - 1;
      if (pos > end) return -pending - (pos - end);
      continue;
    }
    if (inner === INCOMPLETE) return -pending - 1;
    pos += containerHeaderBytes(first);
    if (outer.length + 1 >= limits.msgpackDepth) {
      throw new WireError('too-deep', `MessagePack nested more than ${limits.msgpackDepth} deep`);
    }
    pending += inner;
    if (elements + pending > limits.msgpackElements) {
      throw new WireError('too-large', `more than ${limits.msgpackElements} MessagePack values`);
    }
    outer.push(left);
    left = inner;
  }
}

/**
 * The array or map that starts there and is known to be complete: the number of its values (of a map, its pairs) and
 * the offset of the first. Undefined for other values.
 */
export function containerAt(
  buf: Buffer,
  start: number,
): { kind: 'array' | 'map'; count: number; pos: number } | undefined {
  const first = buf[start] as number;
  const values = containerLength(buf, start, buf.length, first);
  if (values === undefined || values === INCOMPLETE) return undefined;
  const isMap = first <= 0x8f || first >= 0xde;
  return {
    kind: isMap ? 'map' : 'array',
    count: isMap ? values / 2 : values,
    pos: start + containerHeaderBytes(first),
  };
}

function containerHeaderBytes(first: number): number {
  if (first < 0xdc) return 1;
  return (first & 1) === 1 ? 5 : 3;
}

// The number of values in the array or map that starts here; undefined for other values.
function containerLength(buf: Buffer, pos: number, end: number, first: number): number | undefined {
  if (first < 0x80 || (first > 0x9f && first < 0xdc) || first > 0xdf) return undefined;
  if (first <= 0x8f) return (first & 0x0f) * 2;
  if (first <= 0x9f) return first & 0x0f;
  const wide = (first & 1) === 1;
  if (pos + containerHeaderBytes(first) > end) return INCOMPLETE;
  const count = wide ? buf.readUInt32BE(pos + 1) : buf.readUInt16BE(pos + 1);
  return first >= 0xde ? count * 2 : count;
}

function scalarEnd(buf: Buffer, pos: number, end: number, first: number): number {
  if (first <= 0x7f || first >= 0xe0) return pos + 1;
  if (first >= 0xa0 && first <= 0xbf) return pos + 1 + (first & 0x1f);
  const fixed = FIXED_SIZE[first];
  if (fixed !== undefined) return pos + 1 + fixed;
  if (first === 0xc1) throw new WireError('malformed', 'the byte c1 is not MessagePack');
  // bin 8/16/32 (c4–c6), ext 8/16/32 (c7–c9), str 8/16/32 (d9–db)
  const extra = first >= 0xc7 && first <= 0xc9 ? 1 : 0;
  const width = 1 << ((first - (first >= 0xd9 ? 0xd9 : extra === 1 ? 0xc7 : 0xc4)) & 3);
  if (pos + 1 + width > end) return INCOMPLETE;
  return pos + 1 + width + extra + buf.readUIntBE(pos + 1, width);
}
