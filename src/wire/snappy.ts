/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A decoder for snappy's block format (google/snappy, format_description.txt). Grafana's fork of Go memberlist can
// send it; this library reads it and never sends it. A block is the length of its content as a varint, then elements,
// each of which is a literal or a copy of earlier output.

import { Buffer } from 'node:buffer';
import { unboundedMemory, type Memory } from './memory.js';
import { sliceSizes, runToCompletion, type Sliced } from './sliced.js';
import { WireError } from './wire-error.js';

/** Element types: the low two bits of an element's first byte. */
const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;
/** From this value on, the upper six bits tell how many bytes contain the length of a literal. */
const LONG_LITERAL = 60;
/** Maximum output of an element per byte: 64 for the three bytes of a copy. */
const MOST_PER_BYTE = 64 / 3;
/** Up to this length a loop over the bytes is faster than the engine's own copy. */
const SHORT = 16;

/**
 * The content of a snappy block.
 *
 * @param maxOutput - maximum bytes of the result
 * @throws WireError `too-large` when the block claims more than that, before anything is allocated; `bad-compression`
 *   when it claims more than its bytes can produce, claims an empty content, or is invalid
 */
export function snappyDecompress(data: Buffer, maxOutput: number): Buffer {
  return runToCompletion(snappyDecompressSliced(data, maxOutput));
}

/**
 * {@link snappyDecompress}, in slices.
 *
 * @param memory - the output is reserved from it before it is allocated
 * @throws also any error of the memory
 */
export function* snappyDecompressSliced(
  data: Buffer,
  maxOutput: number,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  const { length, start } = preambleOf(data);
  if (length > maxOutput) {
    throw new WireError(
      'too-large',
      `a snappy block of ${length} bytes; at most ${maxOutput} are allowed`,
    );
  }
  if (length === 0) throw broken('it has no content');
  if (length > (data.length - start) * MOST_PER_BYTE) {
    throw broken(`${data.length} bytes cannot produce ${length}`);
  }
  memory.reserve(length);
  const decoder = new Decoder(data, start, Buffer.allocUnsafe(length));
  while (!decoder.advance(sliceSizes.lzwBytes)) yield;
  return decoder.output;
}

// The length of the content, and where the elements begin.
function preambleOf(data: Buffer): { length: number; start: number } {
  let length = 0;
  for (let i = 0, unit = 1; i < 5; i++, unit *= 0x80) {
    const byte = data[i];
    if (byte === undefined) break;
    length += (byte & 0x7f) * unit;
    if (byte < 0x80) {
      if (length > 0xffffffff) break;
      return { length, start: i + 1 };
    }
  }
  throw broken('its length is invalid');
}

class Decoder {
  readonly output: Buffer;
  readonly #data: Buffer;
  #position: number;
  #size = 0;

  constructor(data: Buffer, start: number, output: Buffer) {
    this.#data = data;
    this.#position = start;
    this.output = output;
  }

  /** Produces about `stride` more bytes of output; true when the whole block was read. */
  advance(stride: number): boolean {
    const data = this.#data;
    const until = this.#size + stride;
    while (this.#position < data.length) {
      if (this.#size >= until) return false;
      const tag = data[this.#position++] as number;
      switch (tag & 3) {
        case LITERAL:
          this.#literal(tag >>> 2);
          break;
        case COPY_1:
          this.#copy(((tag & 0xe0) << 3) | this.#number(1), 4 + ((tag >>> 2) & 7));
          break;
        case COPY_2:
          this.#copy(this.#number(2), 1 + (tag >>> 2));
          break;
        default:
          this.#copy(this.#number(4), 1 + (tag >>> 2));
      }
    }
    if (this.#size < this.output.length) throw broken('it ends early');
    return true;
  }

  #literal(short: number): void {
    const length = 1 + (short < LONG_LITERAL ? short : this.#number(short - LONG_LITERAL + 1));
    const { output } = this;
    const data = this.#data;
    const from = this.#position;
    const end = from + length;
    const to = this.#size;
    if (end > data.length) throw broken('a truncated literal');
    if (length > output.length - to) throw broken('more output than it claims');
    if (length > SHORT) data.copy(output, to, from, end);
    else for (let i = 0; i < length; i++) output[to + i] = data[from + i] as number;
    this.#position = end;
    this.#size = to + length;
  }

  // A copy may overlap its own output: the bytes between both positions then repeat.
  #copy(offset: number, length: number): void {
    const { output } = this;
    const to = this.#size;
    const from = to - offset;
    if (offset === 0 || from < 0) throw broken('a copy from before its start');
    if (length > output.length - to) throw broken('more output than it claims');
    if (length > SHORT && offset >= length) output.copyWithin(to, from, from + length);
    else for (let i = 0; i < length; i++) output[to + i] = output[from + i] as number;
    this.#size = to + length;
  }

  // An unsigned little-endian number of this many bytes.
  #number(bytes: number): number {
    const position = this.#position;
    if (position + bytes > this.#data.length) throw broken('a truncated element');
    this.#position = position + bytes;
    return this.#data.readUIntLE(position, bytes);
  }
}

function broken(detail: string): WireError {
  return new WireError('bad-compression', `a snappy block: ${detail}`);
}
