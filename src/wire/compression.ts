/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The compression layer of packets and streams: 09, then a map of the algorithm and the bytes.
import { lzwCompress, lzwDecompress } from './lzw.js';
import { MessageType } from './message-type.js';
import { compressedSchema } from './messages.js';
import { readStruct, structLength, writeStruct, type Cursor } from './struct-codec.js';
import { WireError } from './wire-error.js';

const LZW = 0;

/** The content as a compress message, its type byte included. */
export function compressContent(content: Buffer): Buffer {
  const value = { algo: LZW, buf: lzwCompress(content) };
  const message = Buffer.allocUnsafe(1 + structLength(compressedSchema, value));
  message[0] = MessageType.compress;
  writeStruct(compressedSchema, value, message, 1);
  return message;
}

/**
 * The content of the compress message whose body is at the cursor; moves the cursor behind it.
 *
 * @throws WireError when the body is not right or gives more than `maxBytes`
 */
export function decompressContent(cursor: Cursor, maxBytes: number): Buffer {
  const { algo, buf } = readStruct(compressedSchema, cursor);
  if (algo !== LZW) throw new WireError('bad-compression', `compression algorithm ${algo}`);
  return lzwDecompress(buf, maxBytes);
}
