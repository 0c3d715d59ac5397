/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The reading half of LZW (lzw.ts), in strides like the writing half.

import { Buffer } from 'node:buffer';
import * as codes from './lzw-codes.js';
import { WireError } from './wire-error.js';

// The engine loads what is imported wherever it is used; the module's own constants it takes as numbers.
const { clearCode, endCode, firstFreeCode, maxWidth, minWidth, tableSize } = codes;

/** From this length on, the engine's own copy beats a loop. */
const bulkCopyLength = 24;

/** Decompresses one input after the other. */
export class LzwDecoder {
  /** Where in the output the bytes of a code last stood, and how many they are: no chains to walk. */
  readonly #startOfCode = new Int32Array(tableSize);
  readonly #lengthOfCode = new Int32Array(tableSize);
  readonly #scratch: Buffer;
  #data: Uint8Array = Buffer.alloc(0);
  #maxOutput = 0;
  #out: Buffer;
  #size = 0;
  #position = 0;
  #bits = 0;
  #bitCount = 0;
  #width = minWidth;
  /** The next code to be assigned: to the previous string and the first byte of the one after it. */
  #free = firstFreeCode;
  /** The length of the string before, which ends the output; 0 after a clear code. */
  #previousLength = 0;

  /** @param init.scratchBytes - how much output needs no buffer of its own */
  constructor(init: { scratchBytes: number }) {
    this.#scratch = Buffer.allocUnsafeSlow(init.scratchBytes);
    this.#out = this.#scratch;
  }

  /** Begins with `data`, which may give `maxOutput` bytes. */
  begin(data: Uint8Array, maxOutput: number): void {
    this.#data = data;
    this.#maxOutput = maxOutput;
    this.#out = this.#scratch;
    this.#size = 0;
    this.#position = 0;
    this.#bits = 0;
    this.#bitCount = 0;
    this.#width = minWidth;
    this.#free = firstFreeCode;
    this.#previousLength = 0;
  }

  /**
   * Gives about `stride` more bytes of output; true when the end code was read.
   *
   * @throws WireError as {@link lzwDecompress} does
   */
  advance(stride: number): boolean {
    const startOfCode = this.#startOfCode;
    const lengthOfCode = this.#lengthOfCode;
    const data = this.#data;
    const maxOutput = this.#maxOutput;
    let out = this.#out;
    let size = this.#size;
    let position = this.#position;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    let width = this.#width;
    let free = this.#free;
    let previousLength = this.#previousLength;
    // Each code read counts for a byte at least, or endless clear codes would be one stride.
    const inputUntil = position + stride;
    const until = size + stride;
    let isDone = false;

    while (size < until && position < inputUntil) {
      while (bitCount < width) {
        const byte = data[position++];
        if (byte === undefined) throw new WireError('bad-compression', 'LZW data has no end code');
        bits |= byte << bitCount;
        bitCount += 8;
      }
      const code = bits & ((1 << width) - 1);
      bits >>>= width;
      bitCount -= width;

      if (code === endCode) {
        isDone = true;
        break;
      }
      if (code === clearCode) {
        width = minWidth;
        free = firstFreeCode;
        previousLength = 0;
        continue;
      }
      if (previousLength > 0 && free < tableSize) {
        // Its last byte is written below: this very code may be the one that is assigned here.
        startOfCode[free] = size - previousLength;
        lengthOfCode[free] = previousLength + 1;
        free++;
      }
      if (code >= free) throw new WireError('bad-compression', `LZW code ${code} is not assigned`);

      const length = code < clearCode ? 1 : (lengthOfCode[code] ?? 0);
      const end = size + length;
      if (end > maxOutput) throw new WireError('too-large', `more than ${maxOutput} bytes of LZW`);
      if (end > out.length) out = grown(out, { used: size, needed: end, limit: maxOutput });
      if (code < clearCode) {
        out[size] = code;
      } else {
        copyWithin(out, startOfCode[code] ?? 0, size, length);
      }
      size = end;
      previousLength = length;
      if (free === 1 << width && width < maxWidth) width++;
    }
    this.#out = out;
    this.#size = size;
    this.#position = position;
    this.#bits = bits;
    this.#bitCount = bitCount;
    this.#width = width;
    this.#free = free;
    this.#previousLength = previousLength;
    return isDone;
  }

  /**
   * A copy of the output, of exactly its size.
   *
   * @throws WireError `bad-compression` when there is none
   */
  finish(): Buffer {
    const out = this.#out;
    this.#data = out.subarray(0, 0);
    this.#out = this.#scratch;
    const size = this.#size;
    if (size === 0) throw new WireError('bad-compression', 'LZW data holds nothing');
    const copy = Buffer.allocUnsafe(size);
    copy.set(out.subarray(0, size));
    return copy;
  }
}

/** Gives room for `needed` bytes, keeping the first `used`: doubles, never beyond `limit`. */
function grown(
  buffer: Buffer,
  { used, needed, limit }: { used: number; needed: number; limit: number },
): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(needed, buffer.length * 2)));
  larger.set(buffer.subarray(0, used));
  return larger;
}

/** Copies forwards, for the source may reach one byte into the destination: that byte is its first. */
function copyWithin(buffer: Buffer, source: number, target: number, length: number): void {
  if (length < bulkCopyLength) {
    for (let i = 0; i < length; i++) buffer[target + i] = buffer[source + i] ?? 0;
  } else {
    buffer.copyWithin(target, source, source + length - 1);
    buffer[target + length - 1] = buffer[source + length - 1] ?? 0;
  }
}
