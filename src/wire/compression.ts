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
import { encodeTyped, readStruct, written, type Cursor } from './struct-codec.js';
import { WireError } from './wire-error.js';

const LZW = 0;
/** Grafana's fork of Go memberlist sends it when it is told to; it is read and never sent. */
const SNAPPY = 1;
/** What a compress message has beside the compressed bytes: its type, a map, two keys, one length. */
const LEAST_OVERHEAD = 13;
const MOST_OVERHEAD = LEAST_OVERHEAD + 4;

/** The content as a compress message, its type byte included. */
export function compressContent(content: Buffer): Buffer {
  return compressWithin(content, { front: 0, most: Infinity }) as Buffer;
}

/**
 * {@link compressContent}, in slices.
 *
 * @param memory - of it the output is reserved
 */
export function* compressContentSliced(
  content: Buffer,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  const packing = new MemoryPart(memory);
  const buf = yield* lzwCompressSliced(content, packing);
  memory.reserve(buf.length + MOST_OVERHEAD);
  const message = encodeTyped(MessageType.compress, compressedSchema, { algo: LZW, buf });
  packing.releaseAll();
  return message;
}

/**
 * The content as a compress message behind `front` bytes that are still to be filled in; undefined when
 * the message would have more than `most` bytes.
 */
export function compressWithin(
  content: Buffer,
  { front, most }: { front: number; most: number },
): Buffer | undefined {
  const buf = lzwCompressWithin(content, most - LEAST_OVERHEAD);
  if (buf === undefined) return undefined;
  const message = written((writer) => {
    writer.gap(front);
    writer.byte(MessageType.compress);
    compressedSchema.write(writer, { algo: LZW, buf });
  });
  return message.length - front > most ? undefined : message;
}

/**
 * The content of the compress message whose body is at the cursor; moves the cursor behind it.
 *
 * @throws WireError when the body is not right or gives more than `maxBytes`
 */
export function decompressContent(cursor: Cursor, maxBytes: number): Buffer {
  const { algo, buf } = packedAt(cursor);
  return algo === SNAPPY ? snappyDecompress(buf, maxBytes) : lzwDecompress(buf, maxBytes);
}

/**
 * {@link decompressContent}, in slices.
 *
 * @param memory - every algorithm reserves its output of it before it allocates
 */
export function decompressContentSliced(
  cursor: Cursor,
  maxBytes: number,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  const { algo, buf } = packedAt(cursor);
  if (algo === SNAPPY) return snappyDecompressSliced(buf, maxBytes, memory);
  return lzwDecompressSliced(buf, maxBytes, memory);
}

function packedAt(cursor: Cursor): { readonly algo: number; readonly buf: Buffer } {
  const packed = readStruct(compressedSchema, cursor);
  const { algo } = packed;
  if (algo !== LZW && algo !== SNAPPY) {
    throw new WireError('bad-compression', `compression algorithm ${algo}`);
  }
  return packed;
}
