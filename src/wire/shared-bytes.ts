/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Bytes that are kept: short strings that come again and again, as the versions of members, are shared; others lie
// together in chunks.

import { Buffer } from 'node:buffer';
import { hashWith, spread } from './hash.js';
import { noBytes } from './messages.js';

/** Nothing longer is remembered. */
const mostRemembered = 16;
/** Of those that fall on the same place the last is. The members of a cluster have but a few sets of versions. */
const remembered = new Array<Buffer>(256).fill(noBytes);

/** What is kept lies in chunks of its own: beside packets, each would hold a pool of them back. */
const chunkBytes = 4096;

/** Bytes within a buffer that others have their place in, too. */
export interface Place {
  readonly buf: Buffer;
  readonly start: number;
}

/** Copies bytes to where they are kept, beside others that are kept about as long. */
class Shelf {
  #chunk = noBytes;
  #used = 0;

  keep(bytes: Buffer): Place {
    const room = roomFor(bytes.length);
    const isLong = room > chunkBytes / 4;
    if (isLong || room > this.#chunk.length - this.#used) {
      const chunk = Buffer.allocUnsafeSlow(isLong ? room : chunkBytes);
      chunk.set(bytes);
      if (!isLong) {
        this.#chunk = chunk;
        this.#used = room;
      }
      return { buf: chunk, start: 0 };
    }
    const start = this.#used;
    this.#chunk.set(bytes, start);
    this.#used += room;
    return { buf: this.#chunk, start };
  }
}

/** What so many bytes have for themselves where they are kept: up to that, others may be written in their place. */
export function roomFor(length: number): number {
  return (length + 7) & ~7;
}

const ours = new Shelf();
const users = new Shelf();

/** Copies bytes to where we keep them. A few numbers say where: a view of each would take more memory than they do. */
export function keep(bytes: Buffer): Place {
  return ours.keep(bytes);
}

/** A copy that users may keep, and write to: it lies beside nothing of ours. */
export function copyForUsers(bytes: Buffer): Buffer {
  if (bytes.length === 0) return noBytes;
  const { buf, start } = users.keep(bytes);
  return buf.subarray(start, start + bytes.length);
}

/**
 * The bytes `start` to `end` (exclusive) of `buf`: if they are 16 or fewer, no view of `buf`, but shared with others;
 * nobody may write to them, and they must not get into the hands of users.
 */
export function sharedBytes(buf: Buffer, start: number, end: number): Buffer {
  if (end - start > mostRemembered) return buf.subarray(start, end);
  let hash = end - start;
  for (let at = start; at < end; at++) hash = hashWith(hash, buf[at] as number);
  const place = spread(hash) & (remembered.length - 1);
  const known = remembered[place] as Buffer;
  if (isAt(buf, start, end, known)) return known;
  const copy = keptCopy(buf.subarray(start, end));
  remembered[place] = copy;
  return copy;
}

/** The same bytes, for keeping: shared if they are short, else a copy. */
export function keptBytes(bytes: Buffer): Buffer {
  return bytes.length > mostRemembered ? keptCopy(bytes) : sharedBytes(bytes, 0, bytes.length);
}

/** A copy that we keep. */
export function keptCopy(bytes: Buffer): Buffer {
  if (bytes.length === 0) return noBytes;
  const { buf, start } = keep(bytes);
  return buf.subarray(start, start + bytes.length);
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
