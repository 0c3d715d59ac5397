/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The LZW encoder (see lzw.ts). It processes its input in strides of any length, because a megabyte takes longer than
// one turn of the event loop should.
//
// The strings with a code form a tree: a string is its prefix plus one byte. Each byte of input either leads from a
// string to one of its children or ends the string, and the next step depends on the result: its latency determines
// the speed. Repetitive input produces long strings, most of which have one child. So the prefix itself holds the
// first child, and one load finds it; only further children are looked up in a hash table.

import { Buffer } from 'node:buffer';
import * as codes from './lzw-codes.js';

// The engine loads an import at each use, but treats the module's own constants as numbers.
const { clearCode, endCode, lastCode, maxWidth, minWidth } = codes;
const maxHashBits = 14;
const codeMask = (1 << maxWidth) - 1;
/** Marks a missing child. It equals no child, because `lastCode` is never one. */
const none = -1;
/** A few codes may be written before the excess is detected. */
const spareBytes = 8;
const empty = Buffer.alloc(0);

/** Compresses one input at a time. */
export class LzwEncoder {
  /** Bytes that it allocates for an input of this many bytes if its output is unlimited: 1.5 times as many. */
  static allocatedBytes(inputBytes: number): number {
    return maxOutputBytes(inputBytes) + spareBytes;
  }

  /** By prefix: `byte << 12 | code` of its first child. Valid for literals and assigned codes only. */
  readonly #firstChildren = new Int32Array(1 << maxWidth);
  /**
   * The other children, open-addressed: `prefix << 20 | byte << 12 | code`. At most 3837 entries, so less than a
   * quarter is used. Short inputs use only a part of it, because it must be cleared.
   */
  readonly #otherChildren = new Int32Array(1 << maxHashBits);
  readonly #scratch: Buffer;
  #data: Uint8Array = empty;
  #max = 0;
  #out: Buffer;
  #hashMask = 0;
  /** The next byte to process. */
  #position = 0;
  #size = 0;
  #bits = 0;
  #bitCount = 0;
  #width = minWidth;
  /** The newest code that the decoder knows after reading the output so far. */
  #newest = endCode;
  #prefix = endCode;

  /** @param init.scratchBytes - size of the buffer for short outputs */
  constructor(init: { scratchBytes: number }) {
    this.#scratch = Buffer.allocUnsafeSlow(init.scratchBytes);
    this.#out = this.#scratch;
  }

  /** Starts with `data`; the output may have `max` bytes. */
  begin(data: Uint8Array, max: number): void {
    const { length } = data;
    this.#data = data;
    this.#hashMask = (1 << Math.min(maxHashBits, Math.max(8, 33 - Math.clz32(length)))) - 1;
    this.#max = Math.min(max, maxOutputBytes(length));
    const capacity = this.#max + spareBytes;
    this.#out = capacity <= this.#scratch.length ? this.#scratch : Buffer.allocUnsafeSlow(capacity);
    this.#position = 0;
    this.#size = 0;
    this.#bits = 0;
    this.#bitCount = 0;
    this.#width = minWidth;
    this.#newest = endCode;
    this.#clearTables();
    this.#write(clearCode);
  }

  /** Processes up to `stride` more bytes of the input; true when all of it is done. */
  advance(stride: number): boolean {
    const data = this.#data;
    const max = this.#max;
    const out = this.#out;
    const firstChildren = this.#firstChildren;
    const otherChildren = this.#otherChildren;
    const hashMask = this.#hashMask;
    let size = this.#size;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    let width = this.#width;
    let newest = this.#newest;
    let prefix = this.#prefix;
    let i = this.#position;
    const until = Math.min(data.length, i + stride);
    if (i === 0 && until > 0) prefix = data[i++] as number;

    while (i < until) {
      const byte = data[i++] as number;
      const first = firstChildren[prefix] as number;
      if (first >>> maxWidth === byte) {
        prefix = first & codeMask;
        continue;
      }
      let slot = 0;
      if (first !== none) {
        const key = (prefix << 8) | byte;
        slot = (prefix * 4 + Math.imul(byte, 1327)) & hashMask;
        let entry = otherChildren[slot] as number;
        while (entry !== none && entry >>> maxWidth !== key) {
          slot = (slot + 1) & hashMask;
          entry = otherChildren[slot] as number;
        }
        if (entry !== none) {
          prefix = entry & codeMask;
          continue;
        }
      }

      // As in #write; up to 7 bits are pending.
      bits |= prefix << bitCount;
      bitCount += width;
      out[size] = bits;
      out[size + 1] = bits >>> 8;
      size += bitCount >>> 3;
      bits >>>= bitCount & ~7;
      bitCount &= 7;
      if (size > max) break;
      newest++;
      if (newest === lastCode) {
        bits |= clearCode << bitCount;
        bitCount += width;
        out[size] = bits;
        out[size + 1] = bits >>> 8;
        size += bitCount >>> 3;
        bits >>>= bitCount & ~7;
        bitCount &= 7;
        width = minWidth;
        newest = endCode;
        this.#clearTables();
      } else {
        if (newest === 1 << width) width++;
        const child = (byte << maxWidth) | newest;
        if (first === none) firstChildren[prefix] = child;
        else otherChildren[slot] = (prefix << 20) | child;
        firstChildren[newest] = none;
      }
      prefix = byte;
    }
    this.#size = size;
    this.#bits = bits;
    this.#bitCount = bitCount;
    this.#width = width;
    this.#newest = newest;
    this.#prefix = prefix;
    this.#position = i;
    return i === data.length || size > max;
  }

  /** The output, or undefined if it exceeds the limit; valid until the next `begin`. */
  finish(): Buffer | undefined {
    const out = this.#out;
    if (this.#size <= this.#max) {
      if (this.#data.length > 0) this.#writeLast();
      this.#write(endCode);
      if (this.#bitCount > 0) out[this.#size++] = this.#bits;
    }
    this.#data = empty;
    this.#out = this.#scratch;
    return this.#size > this.#max ? undefined : out.subarray(0, this.#size);
  }

  /** The last string counts as one more code, although none follows. */
  #writeLast(): void {
    this.#write(this.#prefix);
    this.#newest++;
    if (this.#newest === lastCode) {
      this.#write(clearCode);
      this.#width = minWidth;
    } else if (this.#newest === 1 << this.#width) {
      this.#width++;
    }
  }

  /** Together with the pending bits, the 9 to 12 bits of a code complete one or two bytes. */
  #write(code: number): void {
    const bits = this.#bits | (code << this.#bitCount);
    const bitCount = this.#bitCount + this.#width;
    this.#out[this.#size] = bits;
    this.#out[this.#size + 1] = bits >>> 8;
    this.#size += bitCount >>> 3;
    this.#bits = bits >>> (bitCount & ~7);
    this.#bitCount = bitCount & 7;
  }

  #clearTables(): void {
    this.#firstChildren.fill(none, 0, clearCode);
    this.#otherChildren.fill(none, 0, this.#hashMask + 1);
  }
}

/** Each byte produces at most one code of 12 bits, and a clear code follows only after thousands. */
function maxOutputBytes(inputBytes: number): number {
  return inputBytes + (inputBytes >>> 1) + (inputBytes >>> 8) + 16;
}
