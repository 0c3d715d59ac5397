/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The writing half of LZW (lzw.ts). It goes through its input in strides, as long as the caller likes,
// for a megabyte takes longer than one turn of the event loop should.
//
// The strings that have a code form a tree: a string is its prefix and one byte more. Each byte of
// input either leads from a string to a child of it or ends the string, and the next step has to wait
// for what this one found: what counts is how long that takes. What repeats itself makes long strings,
// most of which have one child. So the first child is held by the prefix itself, and one load finds
// it; only further ones are looked for in a hash table.

import { Buffer } from 'node:buffer';
import * as codes from './lzw-codes.js';

// The engine loads what is imported wherever it is used; the module's own constants it takes as numbers.
const { clearCode, endCode, lastCode, maxWidth, minWidth } = codes;
const maxHashBits = 14;
const codeMask = (1 << maxWidth) - 1;
/** In place of a child; it differs from all, for `lastCode` is never a child. */
const none = -1;
/** A few codes may be written before it is noticed that one was too many. */
const spareBytes = 8;
const nothing = Buffer.alloc(0);

/** Compresses one input after the other. */
export class LzwEncoder {
  /** Bytes that it allocates for an input of so many bytes, if its output has no limit: 1.5 times as many. */
  static roomFor(inputBytes: number): number {
    return mostOutput(inputBytes) + spareBytes;
  }

  /** By prefix: `byte << 12 | code` of its first child. Only literals and codes given out count. */
  readonly #firstChildren = new Int32Array(1 << maxWidth);
  /**
   * The other children, open-addressed: `prefix << 20 | byte << 12 | code`. At most 3837 entries, so
   * it stays under a quarter full. Short inputs use only a part of it, for it has to be cleared.
   */
  readonly #otherChildren = new Int32Array(1 << maxHashBits);
  readonly #scratch: Buffer;
  #data: Uint8Array = nothing;
  #most = 0;
  #out: Buffer;
  #hashMask = 0;
  /** The next byte to be looked at. */
  #position = 0;
  #size = 0;
  #bits = 0;
  #bitCount = 0;
  #width = minWidth;
  /** The newest code that the reader will know of when it has read what was written. */
  #newest = endCode;
  #prefix = endCode;

  /** @param init.scratchBytes - how much output needs no buffer of its own */
  constructor(init: { scratchBytes: number }) {
    this.#scratch = Buffer.allocUnsafeSlow(init.scratchBytes);
    this.#out = this.#scratch;
  }

  /** Begins with `data`; the output may have `most` bytes. */
  begin(data: Uint8Array, most: number): void {
    const { length } = data;
    this.#data = data;
    this.#hashMask = (1 << Math.min(maxHashBits, Math.max(8, 33 - Math.clz32(length)))) - 1;
    this.#most = Math.min(most, mostOutput(length));
    const room = this.#most + spareBytes;
    this.#out = room <= this.#scratch.length ? this.#scratch : Buffer.allocUnsafeSlow(room);
    this.#position = 0;
    this.#size = 0;
    this.#bits = 0;
    this.#bitCount = 0;
    this.#width = minWidth;
    this.#newest = endCode;
    this.#forgetStrings();
    this.#write(clearCode);
  }

  /** Takes up to `stride` more bytes of the input; true when it is done with all of it. */
  advance(stride: number): boolean {
    const data = this.#data;
    const most = this.#most;
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
        let held = otherChildren[slot] as number;
        while (held !== none && held >>> maxWidth !== key) {
          slot = (slot + 1) & hashMask;
          held = otherChildren[slot] as number;
        }
        if (held !== none) {
          prefix = held & codeMask;
          continue;
        }
      }

      // As #write does; up to 7 bits wait from before.
      bits |= prefix << bitCount;
      bitCount += width;
      out[size] = bits;
      out[size + 1] = bits >>> 8;
      size += bitCount >>> 3;
      bits >>>= bitCount & ~7;
      bitCount &= 7;
      if (size > most) break;
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
        this.#forgetStrings();
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
    return i === data.length || size > most;
  }

  /** The output, or undefined if it is over the limit; good until the next `begin`. */
  finish(): Buffer | undefined {
    const out = this.#out;
    if (this.#size <= this.#most) {
      if (this.#data.length > 0) this.#writeLast();
      this.#write(endCode);
      if (this.#bitCount > 0) out[this.#size++] = this.#bits;
    }
    this.#data = nothing;
    this.#out = this.#scratch;
    return this.#size > this.#most ? undefined : out.subarray(0, this.#size);
  }

  /** The last string counts as one more code, though none will come after it. */
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

  /** With what waits from before, the 9 to 12 bits of a code make one or two bytes whole. */
  #write(code: number): void {
    const bits = this.#bits | (code << this.#bitCount);
    const bitCount = this.#bitCount + this.#width;
    this.#out[this.#size] = bits;
    this.#out[this.#size + 1] = bits >>> 8;
    this.#size += bitCount >>> 3;
    this.#bits = bits >>> (bitCount & ~7);
    this.#bitCount = bitCount & 7;
  }

  #forgetStrings(): void {
    this.#firstChildren.fill(none, 0, clearCode);
    this.#otherChildren.fill(none, 0, this.#hashMask + 1);
  }
}

/** Each byte gives one code of 12 bits at most, and a clear code comes after thousands. */
function mostOutput(inputBytes: number): number {
  return inputBytes + (inputBytes >>> 1) + (inputBytes >>> 8) + 16;
}
