/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Compact storage of IPs for thousands of members: four bytes are stored as a number, which needs no memory of its
// own and no indirection.
import { Buffer } from 'node:buffer';
import { isSameIp } from './address.js';
import { hasBytesAt, storedCopy } from './shared-bytes.js';

/**
 * Address bytes as received: four bytes as a number (signed, so that the engine stores it inline), others as a copy.
 */
export type PackedIp = number | Buffer;

/** Packs address bytes for storage. */
export function packIp(bytes: Buffer): PackedIp {
  return bytes.length === 4 ? bytes.readInt32BE() : storedCopy(bytes);
}

/** The original bytes. Callers must not write to them. */
export function unpackIp(packed: PackedIp): Buffer {
  if (typeof packed !== 'number') return packed;
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(packed);
  return bytes;
}

/** Whether exactly these bytes are in `buf` from `start` to `end` (exclusive). */
export function isPackedAt(packed: PackedIp, buf: Buffer, start: number, end: number): boolean {
  if (typeof packed !== 'number') return hasBytesAt(buf, start, end, packed);
  return end - start === 4 && int32At(buf, start) === packed;
}

/** {@link isSameIp} with one packed argument. */
export function isSamePackedIp(packed: PackedIp, bytes: Buffer): boolean {
  if (typeof packed === 'number' && bytes.length === 4) return int32At(bytes, 0) === packed;
  return isSameIp(unpackIp(packed), bytes);
}

function int32At(buf: Buffer, at: number): number {
  const high = ((buf[at] as number) << 8) | (buf[at + 1] as number);
  const low = ((buf[at + 2] as number) << 8) | (buf[at + 3] as number);
  return (high << 16) | low;
}
