/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// LZW as in Go's compress/lzw with LSB order and literal width 8: codes of 9 to 12 bits, least significant bit first,
// a clear code at the start and whenever the table is full. It is the GIF variant: a code gets wider when the next
// free code needs it, not one code early as in TIFF. Work that fits one turn of the event loop uses tables at module
// level, which is safe because it cannot be interrupted; longer work uses tables of its own and may be interrupted.

import { Buffer } from 'node:buffer';
import { LzwDecoder } from './lzw-decoder.js';
import { LzwEncoder } from './lzw-encoder.js';
import { unboundedMemory, type Memory } from './memory.js';
import { sliceSizes, type Sliced } from './sliced.js';

/** Enough for a packet in each direction, so that packets allocate only their result. */
const scratchBytes = 64 * 1024;
const encoder = new LzwEncoder({ scratchBytes });
const decoder = new LzwDecoder({ scratchBytes });
/** A stride that is longer than any input or output. */
const unlimitedStride = 2 ** 30 - 1;

/** The output of Go's `lzw.NewWriter(w, lzw.LSB, 8)`, byte for byte, after one Write and Close. */
export function lzwCompress(data: Uint8Array): Buffer {
  return Buffer.from(lzwCompressWithin(data, Infinity) as Buffer);
}

/**
 * The result of {@link lzwCompress} if it has at most `max` bytes, otherwise undefined. It is valid until the next
 * call of this module.
 */
export function lzwCompressWithin(data: Uint8Array, max: number): Buffer | undefined {
  encoder.begin(data, max);
  encoder.advance(unlimitedStride);
  return encoder.finish();
}

/**
 * {@link lzwCompress}, in slices; the result belongs to the caller.
 *
 * @param memory - the output is reserved from it, with the maximum size that it may need
 */
export function* lzwCompressSliced(
  data: Uint8Array,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  if (data.length <= sliceSizes.lzwBytes) {
    const output = lzwCompressWithin(data, Infinity) as Buffer;
    memory.reserve(output.length);
    return Buffer.from(output);
  }
  memory.reserve(LzwEncoder.allocatedBytes(data.length));
  const own = new LzwEncoder({ scratchBytes: 0 });
  own.begin(data, Infinity);
  while (!own.advance(sliceSizes.lzwBytes)) yield;
  return own.finish() as Buffer;
}

/**
 * Reverses {@link lzwCompress} and Go's writer. Accepts what Go's reader accepts: a table may stay full without a
 * clear code, and bytes after the end code are ignored.
 *
 * @param maxOutput - maximum bytes of the result. The working buffer never grows beyond it, nor beyond twice the
 *   output so far.
 * @throws WireError `too-large` at the first code that exceeds `maxOutput`; `bad-compression` for an unassigned code,
 *   a missing end code, or an empty result.
 */
export function lzwDecompress(data: Uint8Array, maxOutput: number): Buffer {
  decoder.begin(data, maxOutput);
  decoder.advance(unlimitedStride);
  return decoder.finish();
}

/**
 * {@link lzwDecompress}, in slices.
 *
 * @param memory - the output is reserved from it as it grows
 * @throws as {@link lzwDecompress}; also any error of the memory
 */
export function* lzwDecompressSliced(
  data: Uint8Array,
  maxOutput: number,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  const ownBytes = Math.min(maxOutput, scratchBytes);
  memory.reserve(ownBytes + LzwDecoder.tableBytes);
  const own = new LzwDecoder({ scratchBytes: ownBytes });
  own.begin(data, maxOutput, memory);
  while (!own.advance(sliceSizes.lzwBytes)) yield;
  const output = own.finish();
  memory.release(ownBytes + LzwDecoder.tableBytes);
  return output;
}
