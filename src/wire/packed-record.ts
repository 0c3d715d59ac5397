/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A member as a record of a push/pull, written directly from where it is stored: with thousands of members, each
// intermediate object is noticeable.
import type { PackedIp } from './packed-ip.js';
import { key } from './schema.js';
import type { StructWriter } from './struct-writer.js';

/** The source of a record. */
export interface PackedRecord {
  readonly name: string;
  readonly packedAddr: PackedIp;
  readonly port: number;
  readonly incarnation: number;
  /** The state's number on the wire. */
  readonly stateCode: number;
  readonly vsn: Buffer;
  /**
   * The position of the metadata: from `metaStart` to `metaEnd` (exclusive). An end before the start means none (Go's
   * nil).
   */
  readonly metaBuf: Buffer;
  readonly metaStart: number;
  readonly metaEnd: number;
}

/** Writes it in the same form as `memberRecordSchema`. */
export function writePackedRecord(writer: StructWriter, record: PackedRecord): void {
  const { metaStart, metaEnd } = record;
  writer.map(7);
  writer.ip(key.addr, record.packedAddr);
  writer.uint(key.incarnation, record.incarnation);
  if (metaEnd < metaStart) writer.nil(key.meta);
  else writer.span(key.meta, record.metaBuf, metaStart, metaEnd);
  writer.text(key.name, record.name);
  writer.uint(key.port, record.port);
  writer.uint(key.state, record.stateCode);
  writer.bytes(key.vsn, record.vsn);
}
