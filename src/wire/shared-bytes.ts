/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Storage for bytes: short recurring strings, such as the versions of members, are shared; others are stored together
// in chunks.

import { Buffer } from 'node:buffer';
import { hashWith, spread } from './hash.js';
import { noBytes } from './messages.js';

/** Longer strings are not cached. */
const maxCachedBytes = 16;
/**
 * Each slot holds the last string with its hash. The members of a cluster have only a few different sets of versions.
 */
const cache = new Array<Buffer>(256).fill(noBytes);

/** Stored bytes are in chunks of their own: as views of packets, each would keep a whole pool alive. */
const chunkBytes = 4096;

/** A position within a buffer that also holds other bytes. */
export interface StoredBytes {
  readonly buf: Buffer;
  readonly start: number;
}

/** Copies bytes into chunks, next to others with a similar lifetime. */
class ChunkStore {
  #chunk = noBytes;
  #used = 0;

  store(bytes: Buffer): StoredBytes {
    const room = paddedLength(bytes.length);
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

/** Bytes that are allocated for a string of this length: up to that size, another one may be written in its place. */
export function paddedLength(length: number): number {
  return (length + 7) & ~7;
}

const ours = new ChunkStore();
const users = new ChunkStore();

/**
 * Copies bytes into our storage. The position is two fields instead of a view, which would take more memory than the
 * bytes themselves.
 */
export function storeBytes(bytes: Buffer): StoredBytes {
  return ours.store(bytes);
}

/** A copy that users may keep and write to: it shares no buffer with our data. */
export function copyForUsers(bytes: Buffer): Buffer {
  if (bytes.length === 0) return noBytes;
  const { buf, start } = users.store(bytes);
  return buf.subarray(start, start + bytes.length);
}

/**
 * The bytes `start` to `end` (exclusive) of `buf`. Up to 16 bytes are returned as a shared copy instead of a view: it
 * must not be written to, and must not be given to users.
 */
export function sharedBytes(buf: Buffer, start: number, end: number): Buffer {
  if (end - start > maxCachedBytes) return buf.subarray(start, end);
  let hash = end - start;
  for (let at = start; at < end; at++) hash = hashWith(hash, buf[at] as number);
  const slot = spread(hash) & (cache.length - 1);
  const known = cache[slot] as Buffer;
  if (hasBytesAt(buf, start, end, known)) return known;
  const copy = storedCopy(buf.subarray(start, end));
  cache[slot] = copy;
  return copy;
}

/** The same bytes for storage: shared if they are short, otherwise a copy. */
export function storedBytes(bytes: Buffer): Buffer {
  return bytes.length > maxCachedBytes ? storedCopy(bytes) : sharedBytes(bytes, 0, bytes.length);
}

/** A copy in our storage. */
export function storedCopy(bytes: Buffer): Buffer {
  if (bytes.length === 0) return noBytes;
  const { buf, start } = storeBytes(bytes);
  return buf.subarray(start, start + bytes.length);
}

/** Whether both have the same content. For short strings, where a call into the engine costs more. */
export function hasSameBytes(a: Buffer, b: Buffer): boolean {
  return a === b || hasBytesAt(a, 0, a.length, b);
}

/** Whether `bytes` are the content of `buf` from `start` to `end` (exclusive). */
export function hasBytesAt(buf: Buffer, start: number, end: number, bytes: Buffer): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buf[start + i]) return false;
  return true;
}
