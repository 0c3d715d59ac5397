/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Reads MessagePack maps in canonical form (wire protocol, section 2): exactly as Go writes them, with keys in order,
// the shortest encodings, and no other keys. A schema reads its fields one after the other; after the first mismatch
// all results are zero values, and `end` returns -1.
import { noBytes } from './messages.js';
import { sharedBytes } from './shared-bytes.js';
import { decodeText } from './text.js';

/** Reads the fields of one map at a time. Byte fields are views of the buffer, not copies. */
export class StructReader {
  #buf: Buffer = noBytes;
  #pos = 0;
  #end = 0;
  /** Number of fields that are still unread. */
  #left = 0;

  /** Starts at a map. */
  begin(buf: Buffer, start: number, end: number): void {
    this.#buf = buf;
    this.#end = end;
    const first = start < end ? (buf[start] as number) : 0;
    const isMap = first >= 0x80 && first <= 0x8f;
    this.#pos = isMap ? start + 1 : -1;
    this.#left = first & 0x0f;
  }

  /** The end of the map; -1 if it is not canonical or incomplete. Drops the reference to the buffer. */
  end(): number {
    this.#buf = noBytes;
    return this.#left === 0 ? this.#pos : -1;
  }

  /** Where the next field begins; -1 after a mismatch. */
  get position(): number {
    return this.#pos;
  }

  text(key: Buffer): string {
    return this.#enter(key) ? this.#text() : '';
  }

  optionalText(key: Buffer): string {
    return this.#isNext(key) ? this.text(key) : '';
  }

  /** Nil reads as empty. */
  bytes(key: Buffer): Buffer {
    return this.#enter(key) ? (this.#bytes() ?? noBytes) : noBytes;
  }

  /** For strings with few distinct values: a shared copy instead of a view, which must not be written to. */
  sharedBytes(key: Buffer): Buffer {
    if (!this.#enter(key)) return noBytes;
    const length = this.#nilOrRawLength();
    return length <= 0 ? noBytes : sharedBytes(this.#buf, this.#pos - length, this.#pos);
  }

  /** Skips raw bytes, or nil, and returns their start; they end at {@link position}. */
  span(key: Buffer): number {
    if (!this.#enter(key)) return -1;
    const length = this.#nilOrRawLength();
    return this.#pos - Math.max(0, length);
  }

  optionalBytes(key: Buffer): Buffer {
    return this.#isNext(key) ? this.bytes(key) : noBytes;
  }

  nullableBytes(key: Buffer): Buffer | null {
    return this.#enter(key) ? this.#bytes() : null;
  }

  bool(key: Buffer): boolean {
    if (!this.#enter(key)) return false;
    const first = this.#pos < this.#end ? this.#buf[this.#pos++] : undefined;
    if (first !== 0xc2 && first !== 0xc3) this.#pos = -1;
    return first === 0xc3;
  }

  u8(key: Buffer): number {
    return this.#enter(key) ? this.#uint(0xff) : 0;
  }

  u16(key: Buffer): number {
    return this.#enter(key) ? this.#uint(0xffff) : 0;
  }

  optionalU16(key: Buffer): number {
    return this.#isNext(key) ? this.u16(key) : 0;
  }

  u32(key: Buffer): number {
    return this.#enter(key) ? this.#uint(0xffffffff) : 0;
  }

  #isNext(key: Buffer): boolean {
    const buf = this.#buf;
    const pos = this.#pos;
    if (pos < 0 || pos + key.length > this.#end) return false;
    for (let i = 0; i < key.length; i++) if (buf[pos + i] !== key[i]) return false;
    return true;
  }

  #enter(key: Buffer): boolean {
    if (!this.#isNext(key)) {
      this.#pos = -1;
      return false;
    }
    this.#pos += key.length;
    this.#left--;
    return true;
  }

  #text(): string {
    const length = this.#rawLength();
    if (length < 0) return '';
    const start = this.#pos;
    this.#pos = start + length;
    return decodeText(this.#buf, start, this.#pos);
  }

  #bytes(): Buffer | null {
    const length = this.#nilOrRawLength();
    if (length < 0) return null;
    return length === 0 ? noBytes : this.#buf.subarray(this.#pos - length, this.#pos);
  }

  /** Skips a raw, or nil, and returns the raw's length; -1 for nil, 0 on a mismatch. */
  #nilOrRawLength(): number {
    if (this.#pos < this.#end && this.#buf[this.#pos] === 0xc0) {
      this.#pos++;
      return -1;
    }
    const length = this.#rawLength();
    if (length <= 0) return 0;
    this.#pos += length;
    return length;
  }

  /** The length of a raw that ends before the end of the input, and moves to its content; otherwise -1. */
  #rawLength(): number {
    const buf = this.#buf;
    const pos = this.#pos;
    const end = this.#end;
    const first = pos < end ? (buf[pos] as number) : 0;
    let length = -1;
    if (first >= 0xa0 && first <= 0xbf) {
      length = first & 0x1f;
      this.#pos = pos + 1;
    } else if (first === 0xda && pos + 3 <= end) {
      length = buf.readUInt16BE(pos + 1);
      this.#pos = pos + 3;
    } else if (first === 0xdb && pos + 5 <= end) {
      length = buf.readUInt32BE(pos + 1);
      this.#pos = pos + 5;
    }
    if (length >= 0 && this.#pos + length <= end) return length;
    this.#pos = -1;
    return -1;
  }

  #uint(max: number): number {
    const buf = this.#buf;
    const pos = this.#pos;
    const end = this.#end;
    const first = pos < end ? (buf[pos] as number) : 0xff;
    let value = Infinity;
    if (first < 0x80) {
      value = first;
      this.#pos = pos + 1;
    } else if (first === 0xcc && pos + 2 <= end) {
      value = buf[pos + 1] as number;
      this.#pos = pos + 2;
    } else if (first === 0xcd && pos + 3 <= end) {
      value = buf.readUInt16BE(pos + 1);
      this.#pos = pos + 3;
    } else if (first === 0xce && pos + 5 <= end) {
      value = buf.readUInt32BE(pos + 1);
      this.#pos = pos + 5;
    }
    if (value <= max) return value;
    this.#pos = -1;
    return 0;
  }
}
