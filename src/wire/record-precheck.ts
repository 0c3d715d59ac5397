/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// In a quiet cluster, none of the thousands of records in a push/pull contains an update. This check works on the
// bytes and allocates nothing that would have to be collected.
import { noBytes } from './messages.js';
import { isPackedAt, type PackedIp } from './packed-ip.js';
import { key } from './schema.js';
import { hasBytesAt } from './shared-bytes.js';
import { StructReader } from './struct-reader.js';
import { decodeText } from './text.js';

/** Whether a record contains no update, so that it need not be decoded. */
export type IsKnown = (record: RecordPrecheck) => boolean;

const reader = new StructReader();

/** Reads one record at a time, as far as needed to tell whether it contains an update. */
export class RecordPrecheck {
  incarnation = 0;
  port = 0;
  isAlive = false;
  #buf: Buffer = noBytes;
  #addrStart = 0;
  #addrEnd = 0;
  #nameStart = 0;
  #nameEnd = 0;
  #vsnStart = 0;
  #vsnEnd = 0;

  /** Reads the record at `start` and returns its end; -1 if the record must be decoded normally. */
  read(buf: Buffer, start: number, end: number): number {
    reader.begin(buf, start, end);
    this.#buf = buf;
    this.#addrStart = reader.span(key.addr);
    this.#addrEnd = reader.position;
    this.incarnation = reader.u32(key.incarnation);
    reader.span(key.meta);
    this.#nameStart = reader.span(key.name);
    this.#nameEnd = reader.position;
    this.port = reader.u16(key.port);
    this.isAlive = reader.u8(key.state) === 0;
    this.#vsnStart = reader.span(key.vsn);
    this.#vsnEnd = reader.position;
    return reader.end();
  }

  /** The member's name. */
  get name(): string {
    return decodeText(this.#buf, this.#nameStart, this.#nameEnd);
  }

  /** Looks up {@link name} by its bytes. */
  lookUp<Found>(find: (buf: Buffer, start: number, end: number) => Found): Found {
    return find(this.#buf, this.#nameStart, this.#nameEnd);
  }

  /** Whether the record has this address. */
  hasAddr(addr: PackedIp): boolean {
    return isPackedAt(addr, this.#buf, this.#addrStart, this.#addrEnd);
  }

  /** Whether the record has these versions. */
  hasVsn(vsn: Buffer): boolean {
    return hasBytesAt(this.#buf, this.#vsnStart, this.#vsnEnd, vsn);
  }

  /** Drops the reference to the bytes. */
  release(): void {
    this.#buf = noBytes;
  }
}
