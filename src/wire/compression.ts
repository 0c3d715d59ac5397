/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The compression layer of packets and streams: 09, then a map of the algorithm and the bytes.
import { lzwCompressSliced, lzwCompressWithin, lzwDecompress, lzwDecompressSliced } from './lzw.js';
import { MemoryPart, unboundedMemory, type Memory } from './memory.js';
import { MessageType } from './message-type.js';
import { compressedSchema } from './schemas.js';
import type { Sliced } from './sliced.js';
import { snappyDecompress, snappyDecompressSliced } from './snappy.js';
import { encodeTyped, readStruct, encodeWith, type Cursor } from './struct-codec.js';
import { WireError } from './wire-error.js';

const LZW = 0;
/** Grafana's fork of Go memberlist sends it if configured to; this library reads it and never sends it. */
const SNAPPY = 1;
/** Bytes of a compress message without the compressed bytes: its type, a map, two keys, one length. */
const LEAST_OVERHEAD = 13;
const MOST_OVERHEAD = LEAST_OVERHEAD + 4;

/** The content as a compress message, including its type byte. */
export function compressContent(content: Buffer): Buffer {
  return compressWithin(content, { front: 0, max: Infinity }) as Buffer;
}

/**
 * {@link compressContent}, in slices.
 *
 * @param memory - the output is reserved from it
 */
export function* compressContentSliced(
  content: Buffer,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  const compressedMemory = new MemoryPart(memory);
  const buf = yield* lzwCompressSliced(content, compressedMemory);
  memory.reserve(buf.length + MOST_OVERHEAD);
  const message = encodeTyped(MessageType.compress, compressedSchema, { algo: LZW, buf });
  compressedMemory.releaseAll();
  return message;
}

/**
 * The content as a compress message behind `front` bytes that the caller fills in later; undefined if the message
 * would have more than `max` bytes.
 */
export function compressWithin(
  content: Buffer,
  { front, max }: { front: number; max: number },
): Buffer | undefined {
  const buf = lzwCompressWithin(content, max - LEAST_OVERHEAD);
  if (buf === undefined) return undefined;
  const message = encodeWith((writer) => {
    writer.gap(front);
    writer.byte(MessageType.compress);
    compressedSchema.write(writer, { algo: LZW, buf });
  });
  return message.length - front > max ? undefined : message;
}

/**
 * The content of the compress message whose body is at the cursor; moves the cursor behind it.
 *
 * @throws WireError when the body is invalid or decompresses to more than `maxBytes`
 */
export function decompressContent(cursor: Cursor, maxBytes: number): Buffer {
  const { algo, buf } = readCompressed(cursor);
  return algo === SNAPPY ? snappyDecompress(buf, maxBytes) : lzwDecompress(buf, maxBytes);
}

/**
 * {@link decompressContent}, in slices.
 *
 * @param memory - each algorithm reserves its output from it before allocating
 */
export function decompressContentSliced(
  cursor: Cursor,
  maxBytes: number,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  const { algo, buf } = readCompressed(cursor);
  if (algo === SNAPPY) return snappyDecompressSliced(buf, maxBytes, memory);
  return lzwDecompressSliced(buf, maxBytes, memory);
}

function readCompressed(cursor: Cursor): { readonly algo: number; readonly buf: Buffer } {
  const packed = readStruct(compressedSchema, cursor);
  const { algo } = packed;
  if (algo !== LZW && algo !== SNAPPY) {
    throw new WireError('bad-compression', `compression algorithm ${algo}`);
  }
  return packed;
}
