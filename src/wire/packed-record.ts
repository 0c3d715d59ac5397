/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A member as a record of a push/pull, written from where it is kept: with thousands of them, what is made for each
// on the way is felt.
import type { PackedIp } from './packed-ip.js';
import { key } from './schema.js';
import type { StructWriter } from './struct-writer.js';

/** What a record is made from. */
export interface PackedRecord {
  readonly name: string;
  readonly packedAddr: PackedIp;
  readonly port: number;
  readonly incarnation: number;
  /** The state's number on the wire. */
  readonly stateCode: number;
  readonly vsn: Buffer;
  /** Where its metadata is: from `metaStart` to `metaEnd` (exclusive). An end before the start stands for none (Go's nil). */
  readonly metaBuf: Buffer;
  readonly metaStart: number;
  readonly metaEnd: number;
}

/** Writes it as `memberRecordSchema` does. */
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
