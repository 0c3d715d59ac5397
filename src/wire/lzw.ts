/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// LZW as Go's compress/lzw speaks it with LSB order and literal width 8: codes of 9 to 12 bits, least
// significant bit first, a clear code at the start and whenever the table is full. It is the GIF
// flavour: a code grows wider when the next free code needs it, not one code early as in TIFF.
// The tables live at module level and are used anew by each call, which is sound because nothing
// here can be interrupted; what is returned is always a copy of exactly the right size.

import { Buffer } from 'node:buffer';
import { WireError } from './wire-error.js';

const clearCode = 256;
const endCode = 257;
const firstFreeCode = 258;
const minWidth = 9;
const maxWidth = 12;
const tableSize = 1 << maxWidth;
/** Go's writer clears the table instead of giving out this code: 4095 is never assigned. */
const lastCode = tableSize - 1;

/** Enough for a packet each way, so that packets allocate nothing but their result. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Open-addressed: `prefix code << 20 | byte << 12 | code`, 0 where free. At most 3837 entries, so it
 * stays under a quarter full; short inputs use (and so clear) only a part of it.
 */
const maxHashBits = 14;
const hashTable = new Int32Array(1 << maxHashBits);

/** Where in the output the bytes of a code last stood, and how many they are: no chains to walk. */
const startOfCode = new Int32Array(tableSize);
const lengthOfCode = new Int32Array(tableSize);

/** From this length on, the engine's own copy beats a loop. */
const bulkCopyLength = 24;

/** Gives room for `needed` bytes, keeping the first `used`: doubles, never beyond `limit`. */
function grow(buffer: Buffer, used: number, needed: number, limit: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(needed, buffer.length * 2)));
  larger.set(buffer.subarray(0, used));
  return larger;
}

function exactCopy(buffer: Buffer, length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length);
  copy.set(buffer.subarray(0, length));
  return copy;
}

/** Packs codes into bytes, least significant bit first. */
class CodeWriter {
  #out: Buffer = scratch;
  #length = 0;
  #bits = 0;
  #bitCount = 0;

  reset(): void {
    this.#out = scratch;
    this.#length = 0;
    this.#bits = 0;
    this.#bitCount = 0;
  }

  /** `width` is 9 to 12 and up to 7 bits wait from before: one or two bytes become whole. */
  write(code: number, width: number): void {
    if (this.#length + 2 > this.#out.length) {
      this.#out = grow(this.#out, this.#length, this.#length + 2, Infinity);
    }
    let bits = this.#bits | (code << this.#bitCount);
    let bitCount = this.#bitCount + width;
    for (; bitCount >= 8; bitCount -= 8) {
      this.#out[this.#length++] = bits;
      bits >>>= 8;
    }
    this.#bits = bits;
    this.#bitCount = bitCount;
  }

  /** Ends the last byte with zero bits. Lets go of a buffer that had to grow. */
  finish(): Buffer {
    if (this.#bitCount > 0) this.write(0, 8 - this.#bitCount);
    const result = exactCopy(this.#out, this.#length);
    this.reset();
    return result;
  }
}

const codeWriter = new CodeWriter();

/** The byte for byte output of Go's `lzw.NewWriter(w, lzw.LSB, 8)`, one Write and Close. */
export function lzwCompress(data: Uint8Array): Buffer {
  const hashBits = Math.min(maxHashBits, Math.max(8, 34 - Math.clz32(data.length)));
  const hashShift = 32 - hashBits;
  const hashMask = (1 << hashBits) - 1;
  const length = data.length;
  let width = minWidth;
  /** The newest code that the reader will know of when it has read what was written. */
  let newest = endCode;

  codeWriter.reset();
  codeWriter.write(clearCode, width);
  hashTable.fill(0, 0, hashMask + 1);
  let prefix = data[0] ?? endCode;
  for (let i = 1; i < length; i++) {
    const byte = data[i] ?? 0;
    const key = (prefix << 8) | byte;
    let slot = Math.imul(key, 0x9e3779b1) >>> hashShift;
    let entry = hashTable[slot] ?? 0;
    while (entry !== 0 && entry >>> maxWidth !== key) {
      slot = (slot + 1) & hashMask;
      entry = hashTable[slot] ?? 0;
    }
    if (entry !== 0) {
      prefix = entry & lastCode;
      continue;
    }
    codeWriter.write(prefix, width);
    prefix = byte;
    newest++;
    if (newest === lastCode) {
      codeWriter.write(clearCode, width);
      width = minWidth;
      newest = endCode;
      hashTable.fill(0, 0, hashMask + 1);
    } else {
      if (newest === 1 << width) width++;
      hashTable[slot] = (key << maxWidth) | newest;
    }
  }

  if (length > 0) {
    // The last string counts as one more code, though none will come after it.
    codeWriter.write(prefix, width);
    newest++;
    if (newest === lastCode) {
      codeWriter.write(clearCode, width);
      width = minWidth;
    } else if (newest === 1 << width) width++;
  }
  codeWriter.write(endCode, width);
  return codeWriter.finish();
}

/**
 * What {@link lzwCompress} or Go's writer was given. Takes and leaves what Go's reader does: a table
 * may stay full without a clear code, and bytes after the end code are ignored.
 *
 * @param maxOutput the most bytes to give back. The working buffer never grows beyond it, nor beyond
 * twice what the codes read so far came to.
 * @throws WireError `too-large` at the first code that would go beyond `maxOutput`;
 * `bad-compression` for a code not assigned yet, a missing end code, or an empty result.
 */
export function lzwDecompress(data: Uint8Array, maxOutput: number): Buffer {
  let out: Buffer = scratch;
  let size = 0;
  let position = 0;
  let bits = 0;
  let bitCount = 0;
  let width = minWidth;
  /** The next code to be assigned: to the previous string and the first byte of the one after it. */
  let free = firstFreeCode;
  /** The length of the string before, which ends the output; 0 after a clear code. */
  let previousLength = 0;

  for (;;) {
    while (bitCount < width) {
      const byte = data[position++];
      if (byte === undefined) throw new WireError('bad-compression', 'LZW data has no end code');
      bits |= byte << bitCount;
      bitCount += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    bitCount -= width;

    if (code === endCode) break;
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
    if (end > out.length) out = grow(out, size, end, maxOutput);
    if (code < clearCode) {
      out[size] = code;
    } else {
      copyWithin(out, startOfCode[code] ?? 0, size, length);
    }
    size = end;
    previousLength = length;
    if (free === 1 << width && width < maxWidth) width++;
  }
  if (size === 0) throw new WireError('bad-compression', 'LZW data holds nothing');
  return exactCopy(out, size);
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
