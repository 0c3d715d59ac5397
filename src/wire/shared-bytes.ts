/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Short byte strings that come again and again: the addresses of members and their versions. The last that
// fell on each place is remembered, so that what is known needs neither a view nor a copy. What is given
// out is shared: nobody may write to it, and it must not get into the hands of users.

import { Buffer } from 'node:buffer';
import { noBytes } from './messages.js';

/** An IPv6 address. Nothing longer is remembered. */
const mostRemembered = 16;
/** Places at first; four times as many when most of what falls on them pushes something else out. */
const fewPlaces = 1024;
const mostPlaces = 16_384;
let remembered = new Array<Buffer>(fewPlaces).fill(noBytes);
let pushedOut = 0;

/** Copies that are kept lie in chunks of their own: beside packets, each would hold a pool of them back. */
const chunkBytes = 4096;
let chunk = Buffer.allocUnsafeSlow(chunkBytes);
let used = 0;

/** The bytes `start` to `end` (exclusive) of `buf`: shared, and no view of `buf`, if they are 16 or fewer. */
export function sharedBytes(buf: Buffer, start: number, end: number): Buffer {
  if (end - start > mostRemembered) return buf.subarray(start, end);
  let hash = end - start;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (buf[at] as number), 0x01000193);
  const place = (hash ^ (hash >>> 15)) & (remembered.length - 1);
  const known = remembered[place] as Buffer;
  if (isAt(buf, start, end, known)) return known;
  const copy = keptCopy(buf.subarray(start, end));
  if (known.length > 0) makeRoom();
  remembered[place & (remembered.length - 1)] = copy;
  return copy;
}

// A cluster of thousands has more addresses than a small one has places.
function makeRoom(): void {
  if (++pushedOut < 2 * remembered.length || remembered.length === mostPlaces) return;
  remembered = new Array<Buffer>(4 * remembered.length).fill(noBytes);
  pushedOut = 0;
}

/** The same bytes, for keeping: shared if they are short, else a copy. */
export function keptBytes(bytes: Buffer): Buffer {
  return bytes.length > mostRemembered ? keptCopy(bytes) : sharedBytes(bytes, 0, bytes.length);
}

/** A copy for keeping, which users may have. */
export function keptCopy(bytes: Buffer): Buffer {
  const { length } = bytes;
  if (length === 0) return noBytes;
  if (length > chunkBytes - used) {
    if (length > chunkBytes / 4) return Buffer.from(bytes);
    chunk = Buffer.allocUnsafeSlow(chunkBytes);
    used = 0;
  }
  const copy = chunk.subarray(used, used + length);
  copy.set(bytes);
  used += length;
  return copy;
}

/** Whether both have the same content. For short ones, where a call into the engine costs more. */
export function hasSameBytes(a: Buffer, b: Buffer): boolean {
  return a === b || isAt(a, 0, a.length, b);
}

/** Whether `bytes` are what stands in `buf` from `start` to `end` (exclusive). */
export function isAt(buf: Buffer, start: number, end: number, bytes: Buffer): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buf[start + i]) return false;
  return true;
}
