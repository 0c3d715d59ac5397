/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The LZW decoder (see lzw.ts). Like the encoder it works in strides.

import { Buffer } from 'node:buffer';
import * as codes from './lzw-codes.js';
import { unboundedMemory, type Memory } from './memory.js';
import { WireError } from './wire-error.js';

// The engine loads an import at each use, but treats the module's own constants as numbers.
const { clearCode, endCode, firstFreeCode, maxWidth, minWidth, tableSize } = codes;

/** Strings are copied in steps of two words: most are so short that the loop runs once. */
const stepBytes = 8;
/** From this length on, the engine's own copy is faster than the loop. */
const bulkCopyLength = 128;
const empty = Buffer.alloc(0);

/** An output buffer, accessible by byte and by word. */
interface OutputBuffer {
  readonly bytes: Buffer;
  readonly words: DataView;
}

/** Decompresses one input at a time. */
export class LzwDecoder {
  /** Bytes of its tables. */
  static readonly tableBytes = 2 * 4 * tableSize;
  /** Where the bytes of a code last appeared in the output, and how many there are: no chains to follow. */
  readonly #startOfCode = new Int32Array(tableSize);
  readonly #lengthOfCode = new Int32Array(tableSize);
  readonly #scratch: OutputBuffer;
  #data: Uint8Array = empty;
  #maxOutput = 0;
  #memory: Memory = unboundedMemory;
  #garbageBytes = 0;
  #output: OutputBuffer;
  #size = 0;
  #position = 0;
  #bits = 0;
  #bitCount = 0;
  #width = minWidth;
  /** The next code to assign: to the previous string plus the first byte of the next one. */
  #free = firstFreeCode;
  /** The length of the previous string, which ends the output; 0 after a clear code. */
  #previousLength = 0;

  /** @param init.scratchBytes - size of the buffer for short outputs */
  constructor(init: { scratchBytes: number }) {
    this.#scratch = allocateOutput(init.scratchBytes);
    this.#output = this.#scratch;
  }

  /**
   * Starts with `data`, which may decompress to `maxOutput` bytes.
   *
   * @param memory - the output is reserved from it, before each growth of its buffer
   */
  begin(data: Uint8Array, maxOutput: number, memory: Memory = unboundedMemory): void {
    this.#data = data;
    this.#maxOutput = maxOutput;
    this.#memory = memory;
    this.#garbageBytes = 0;
    this.#output = this.#scratch;
    this.#size = 0;
    this.#position = 0;
    this.#bits = 0;
    this.#bitCount = 0;
    this.#width = minWidth;
    this.#free = firstFreeCode;
    this.#previousLength = 0;
  }

  /**
   * Produces about `stride` more bytes of output; true when the end code was read.
   *
   * @throws WireError as {@link lzwDecompress} does; also any error of the memory
   */
  advance(stride: number): boolean {
    const startOfCode = this.#startOfCode;
    const lengthOfCode = this.#lengthOfCode;
    const data = this.#data;
    const maxOutput = this.#maxOutput;
    let buffer = this.#output;
    let size = this.#size;
    let position = this.#position;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    let width = this.#width;
    let free = this.#free;
    let previousLength = this.#previousLength;
    // Each code counts as at least one byte of input; otherwise endless clear codes would form one stride.
    const inputUntil = position + stride;
    const until = size + stride;
    const lastPosition = data.length - 1;
    let isDone = false;

    while (size < until && position < inputUntil) {
      if (bitCount < width && position < lastPosition) {
        bits |= ((data[position] as number) | ((data[position + 1] as number) << 8)) << bitCount;
        position += 2;
        bitCount += 16;
      }
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
        // Its last byte is written below: the current code may be the one that is assigned here.
        startOfCode[free] = size - previousLength;
        lengthOfCode[free] = previousLength + 1;
        free++;
      }
      if (code >= free) throw new WireError('bad-compression', `LZW code ${code} is not assigned`);

      const length = code < clearCode ? 1 : (lengthOfCode[code] ?? 0);
      const end = size + length;
      if (end > maxOutput)
        throw new WireError('too-large', `LZW data of more than ${maxOutput} bytes`);
      if (end > buffer.bytes.length) {
        buffer = this.#grown(buffer, size, end);
      }
      if (code < clearCode) {
        buffer.bytes[size] = code;
      } else {
        copyWithin(buffer, startOfCode[code] ?? 0, size, length);
      }
      size = end;
      previousLength = length;
      if (free === 1 << width && width < maxWidth) width++;
    }
    this.#output = buffer;
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
   * The output. It stays valid; its reservation is for its buffer, which has up to twice its size.
   *
   * @throws WireError `bad-compression` when it is empty; also any error of the memory
   */
  finish(): Buffer {
    const buffer = this.#output;
    const memory = this.#memory;
    this.#data = empty;
    this.#output = this.#scratch;
    this.#memory = unboundedMemory;
    const size = this.#size;
    if (size === 0) throw new WireError('bad-compression', 'LZW data without content');
    const output = buffer.bytes.subarray(0, size);
    // A buffer that grew is not used for any other output.
    if (buffer !== this.#scratch) {
      memory.release(this.#garbageBytes);
      return output;
    }
    memory.reserve(size);
    const copy = Buffer.allocUnsafe(size);
    copy.set(output);
    return copy;
  }

  // Doubles the buffer, up to the maximum output. The previous buffer is garbage that may not have been collected
  // yet: it stays reserved until the output is complete.
  #grown(buffer: OutputBuffer, used: number, needed: number): OutputBuffer {
    const { bytes } = buffer;
    const length = Math.min(this.#maxOutput, Math.max(needed, bytes.length * 2));
    this.#memory.reserve(length);
    const larger = allocateOutput(length);
    larger.bytes.set(bytes.subarray(0, used));
    if (buffer !== this.#scratch) this.#garbageBytes += bytes.length;
    return larger;
  }
}

function allocateOutput(length: number): OutputBuffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  return { bytes, words: new DataView(bytes.buffer) };
}

/**
 * Copies a string to the end of the output. The string of a code that was just assigned ends within its own copy,
 * with its first byte.
 */
function copyWithin(
  { bytes, words }: OutputBuffer,
  source: number,
  target: number,
  length: number,
): void {
  const end = target + length;
  if (length < bulkCopyLength && end + stepBytes <= bytes.length) {
    // The last step may copy too many bytes; the next string overwrites them.
    for (let to = target, from = source; to < end; to += stepBytes, from += stepBytes) {
      words.setUint32(to, words.getUint32(from, true), true);
      words.setUint32(to + 4, words.getUint32(from + 4, true), true);
    }
  } else {
    bytes.copyWithin(target, source, source + length);
  }
  if (source + length > target) bytes[end - 1] = bytes[target] ?? 0;
}
