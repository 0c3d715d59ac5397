/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The writing half of LZW (lzw.ts). It goes through its input in strides, as long as the caller likes,
// for a megabyte takes longer than one turn of the event loop should.

import { Buffer } from 'node:buffer';
import { clearCode, endCode, lastCode, minWidth } from './lzw-codes.js';

/**
 * Open-addressed: `generation << 20 | prefix code << 8 | byte`, and the code beside it. An entry of
 * another generation is free, so that nothing need be cleared between two inputs. At most 3837
 * entries, so it stays under a quarter full; short inputs use only a part of it.
 */
const maxHashBits = 14;
const keyBits = 20;
const lastGeneration = 2 ** (32 - keyBits) - 1;

/** Compresses one input after the other. */
export class LzwEncoder {
  readonly #hashKeys = new Uint32Array(1 << maxHashBits);
  readonly #hashCodes = new Uint16Array(1 << maxHashBits);
  readonly #scratch: Buffer;
  #generation = 0;
  #data: Uint8Array = Buffer.alloc(0);
  #most = 0;
  #out: Buffer;
  #hashBits = maxHashBits;
  /** The next byte to be looked at. */
  #position = 1;
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
    this.#most = most;
    this.#hashBits = Math.min(maxHashBits, Math.max(8, 34 - Math.clz32(length)));
    // Each byte gives one code of 12 bits at most, and a clear code comes after thousands.
    const bound = Math.min(most, length + (length >>> 1) + (length >>> 8) + 16);
    const isSmall = bound + 4 <= this.#scratch.length;
    this.#out = isSmall ? this.#scratch : Buffer.allocUnsafeSlow(bound + 4);
    // The clear code that everything begins with.
    this.#out[0] = clearCode & 0xff;
    this.#size = 1;
    this.#bits = clearCode >> 8;
    this.#bitCount = minWidth - 8;
    this.#width = minWidth;
    this.#newest = endCode;
    this.#emptyTable();
    this.#position = 1;
    this.#prefix = length > 0 ? (data[0] as number) : endCode;
  }

  /** Takes up to `stride` more bytes of the input; true when it is done with all of it. */
  advance(stride: number): boolean {
    const { length } = this.#data;
    const data = this.#data;
    const most = this.#most;
    const out = this.#out;
    const hashKeys = this.#hashKeys;
    const hashCodes = this.#hashCodes;
    const hashShift = 32 - this.#hashBits;
    const hashMask = (1 << this.#hashBits) - 1;
    let size = this.#size;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    let width = this.#width;
    let newest = this.#newest;
    let prefix = this.#prefix;
    let generation = this.#generation;
    let tag = generation << keyBits;
    let i = this.#position;
    // One turn more than there are bytes: the last string counts as one more code, though none will
    // come after it.
    const until = Math.min(length, i + stride - 1);
    for (; i <= until; i++) {
      const byte = i < length ? (data[i] as number) : 0;
      let slot = 0;
      if (i < length) {
        const key = (tag | (prefix << 8) | byte) >>> 0;
        slot = Math.imul(key, 0x9e3779b1) >>> hashShift;
        let held = hashKeys[slot] as number;
        while (held !== key && held >>> keyBits === generation) {
          slot = (slot + 1) & hashMask;
          held = hashKeys[slot] as number;
        }
        if (held === key) {
          prefix = hashCodes[slot] as number;
          continue;
        }
        hashKeys[slot] = key;
      }
      // Up to 7 bits wait from before, and a code has 9 to 12: one or two bytes become whole.
      bits |= prefix << bitCount;
      bitCount += width;
      out[size++] = bits;
      bits >>>= 8;
      bitCount -= 8;
      if (bitCount >= 8) {
        out[size++] = bits;
        bits >>>= 8;
        bitCount -= 8;
      }
      if (size > most) break;
      prefix = byte;
      newest++;
      if (newest === lastCode) {
        bits |= clearCode << bitCount;
        bitCount += width;
        for (; bitCount >= 8; bitCount -= 8) {
          out[size++] = bits;
          bits >>>= 8;
        }
        width = minWidth;
        newest = endCode;
        this.#emptyTable();
        generation = this.#generation;
        tag = generation << keyBits;
      } else {
        if (newest === 1 << width) width++;
        hashCodes[slot] = newest;
      }
    }
    this.#size = size;
    this.#bits = bits;
    this.#bitCount = bitCount;
    this.#width = width;
    this.#newest = newest;
    this.#prefix = prefix;
    this.#position = i;
    return i > length || size > most;
  }

  /** The output, or undefined if it is over the limit; good until the next `begin`. */
  finish(): Buffer | undefined {
    const out = this.#out;
    this.#data = out.subarray(0, 0);
    if (this.#size > this.#most) return undefined;
    let size = this.#size;
    let bits = this.#bits | (endCode << this.#bitCount);
    for (let bitCount = this.#bitCount + this.#width; bitCount > 0; bitCount -= 8) {
      out[size++] = bits;
      bits >>>= 8;
    }
    this.#out = this.#scratch;
    return size > this.#most ? undefined : out.subarray(0, size);
  }

  #emptyTable(): void {
    if (this.#generation === lastGeneration) {
      this.#hashKeys.fill(0);
      this.#generation = 0;
    }
    this.#generation++;
  }
}
