/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// In a cluster that is quiet, a push/pull of thousands of records has none that says anything new. To see that
// a look at the bytes is enough: nothing is made out of them that would have to be collected.
import { noBytes } from './messages.js';
import { isPackedAt, type PackedIp } from './packed-ip.js';
import { key } from './schema.js';
import { isAt } from './shared-bytes.js';
import { StructReader } from './struct-reader.js';
import { decodeText } from './text.js';

/** Says whether a record tells nothing that is not known, so that it need not be read. */
export type IsKnown = (record: RecordGlance) => boolean;

const reader = new StructReader();

/** One record after the other, as far as must be seen to know whether it says anything new. */
export class RecordGlance {
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

  /** Looks at the record at `start`, and says where it ends; -1 when it must be read with more care. */
  take(buf: Buffer, start: number, end: number): number {
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

  /** Whom it is about. */
  get name(): string {
    return decodeText(this.#buf, this.#nameStart, this.#nameEnd);
  }

  /** {@link name}, looked up by its bytes. */
  lookUp<Found>(find: (buf: Buffer, start: number, end: number) => Found): Found {
    return find(this.#buf, this.#nameStart, this.#nameEnd);
  }

  /** Whether it gives this address. */
  hasAddr(addr: PackedIp): boolean {
    return isPackedAt(addr, this.#buf, this.#addrStart, this.#addrEnd);
  }

  /** Whether it gives these versions. */
  hasVsn(vsn: Buffer): boolean {
    return isAt(this.#buf, this.#vsnStart, this.#vsnEnd, vsn);
  }

  /** Lets go of the bytes. */
  release(): void {
    this.#buf = noBytes;
  }
}
