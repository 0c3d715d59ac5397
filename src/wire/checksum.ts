/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The CRC layer of a packet (wire protocol, section 3): 0c, then the CRC-32/IEEE of everything that follows. Uses the
// default export: Node 18 has no `crc32`, and a missing named export would fail before the check of Node's version.
import zlib from 'node:zlib';
import { MessageType } from './message-type.js';
import { WireError } from './wire-error.js';

/** Bytes that the layer adds. */
export const CHECKSUM_BYTES = 5;

/** Writes the header at `offset` for the content behind it, up to `end`. */
export function writeChecksum(buf: Buffer, offset: number, end: number): void {
  buf[offset] = MessageType.hasCrc;
  buf.writeUInt32BE(zlib.crc32(buf.subarray(offset + CHECKSUM_BYTES, end)), offset + 1);
}

/**
 * The offset of the content behind a valid header at `start`.
 *
 * @throws WireError when the header is truncated or the checksum does not match the content
 */
export function verifyChecksum(buf: Buffer, start: number, end: number): number {
  const content = start + CHECKSUM_BYTES;
  if (content > end) throw new WireError('truncated', 'a truncated checksum');
  if (zlib.crc32(buf.subarray(content, end)) !== buf.readUInt32BE(start + 1)) {
    throw new WireError('bad-checksum', 'the checksum does not match');
  }
  return content;
}
