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
 * Open-addressed: `generation << 20 | prefix code << 8 | byte`, and the code beside it. An entry of
 * another generation is free, so that nothing need be cleared between two inputs. At most 3837
 * entries, so it stays under a quarter full; short inputs use only a part of it.
 */
const maxHashBits = 14;
const keyBits = 20;
const lastGeneration = 2 ** (32 - keyBits) - 1;
const hashKeys = new Uint32Array(1 << maxHashBits);
const hashCodes = new Uint16Array(1 << maxHashBits);
let generation = 0;

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
  const copy = Buffer.allocUnsafe(length);
  copy.set(buffer.subarray(0, length));
  return copy;
}

function emptyTable(): void {
  if (generation === lastGeneration) {
    hashKeys.fill(0);
    generation = 0;
  }
  generation++;
}

/** The byte for byte output of Go's `lzw.NewWriter(w, lzw.LSB, 8)`, one Write and Close. */
export function lzwCompress(data: Uint8Array): Buffer {
  const packed = lzwCompressWithin(data, Infinity) as Buffer;
  return exactCopy(packed, packed.length);
}

/**
 * What {@link lzwCompress} gives, if that is at most `most` bytes, else undefined. What is returned is
 * good until the next call of this module.
 */
export function lzwCompressWithin(data: Uint8Array, most: number): Buffer | undefined {
  const { length } = data;
  const hashBits = Math.min(maxHashBits, Math.max(8, 34 - Math.clz32(length)));
  const hashShift = 32 - hashBits;
  const hashMask = (1 << hashBits) - 1;
  // Each byte gives one code of 12 bits at most, and a clear code comes after thousands.
  const bound = Math.min(most, length + (length >>> 1) + (length >>> 8) + 16);
  const out = bound + 4 <= scratch.length ? scratch : Buffer.allocUnsafeSlow(bound + 4);
  // The clear code that everything begins with.
  out[0] = clearCode & 0xff;
  let size = 1;
  let bits = clearCode >> 8;
  let bitCount = minWidth - 8;
  let width = minWidth;
  /** The newest code that the reader will know of when it has read what was written. */
  let newest = endCode;
  emptyTable();
  let tag = generation << keyBits;
  let prefix = length > 0 ? (data[0] as number) : endCode;
  // One turn more than there are bytes: the last string counts as one more code, though none will
  // come after it.
  for (let i = 1; i <= length; i++) {
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
    if (size > most) return undefined;
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
      emptyTable();
      tag = generation << keyBits;
    } else {
      if (newest === 1 << width) width++;
      hashCodes[slot] = newest;
    }
  }
  bits |= endCode << bitCount;
  for (bitCount += width; bitCount > 0; bitCount -= 8) {
    out[size++] = bits;
    bits >>>= 8;
  }
  return size > most ? undefined : out.subarray(0, size);
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
