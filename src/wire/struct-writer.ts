/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Writes MessagePack maps in the form that Go writes (wire protocol, section 2). It writes into its own buffer and
// returns an exact copy, so that callers need not compute sizes first.
import { unboundedMemory, type Memory } from './memory.js';
import type { PackedIp } from './packed-ip.js';
import { writeText } from './text.js';

/** Enough for any packet; larger output uses a temporary buffer. */
const ownBytes = 64 * 1024;
/** Maximum header of a value: a type and a length of four bytes. */
const headerBytes = 5;
/** Maximum UTF-8 bytes of one UTF-16 unit. */
const bytesPerUnit = 3;
/** For fewer bytes a loop is faster than the engine's own copy. */
const bulkCopyBytes = 48;

/** Writes maps, field by field, and bytes between them. */
export class StructWriter {
  readonly #own: Buffer;
  #buf: Buffer;
  #length = 0;
  readonly #memory: Memory;

  /**
   * @param bytes - size of the initial buffer
   * @param memory - all buffers are reserved from it
   */
  constructor(bytes = ownBytes, memory: Memory = unboundedMemory) {
    memory.reserve(bytes);
    this.#memory = memory;
    this.#own = Buffer.allocUnsafeSlow(bytes);
    this.#buf = this.#own;
  }

  /** Starts again. */
  begin(): void {
    this.#buf = this.#own;
    this.#length = 0;
  }

  /** A copy of the bytes written since `begin`. */
  take(): Buffer {
    const length = this.#length;
    const taken = Buffer.allocUnsafe(length);
    copyBytes(this.#buf, taken, length);
    this.begin();
    return taken;
  }

  /** A view of the written bytes; the writer must not be used afterwards. */
  end(): Buffer {
    return this.#buf.subarray(0, this.#length);
  }

  byte(value: number): void {
    this.#room(1);
    this.#buf[this.#length++] = value;
  }

  /** Leaves this many bytes for the caller to fill in later. */
  gap(bytes: number): void {
    this.#room(bytes);
    this.#length += bytes;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buf.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The header of a map with this many fields, at most 15. */
  map(fields: number): void {
    this.byte(0x80 | fields);
  }

  text(key: Buffer, value: string): void {
    this.#key(key, headerBytes + bytesPerUnit * value.length);
    // The size of the header depends on the length of the text: most texts need the short one.
    const at = this.#length;
    const shortEnd = writeText(this.#buf, at + 1, value);
    const length = shortEnd - at - 1;
    if (length < 32) {
      this.#buf[at] = 0xa0 | length;
      this.#length = shortEnd;
      return;
    }
    this.#rawHeader(length);
    this.#length = writeText(this.#buf, this.#length, value);
  }

  bytes(key: Buffer, value: Buffer): void {
    this.span(key, value, 0, value.length);
  }

  /** The bytes of `from` from `start` to `end` (exclusive). */
  span(key: Buffer, from: Buffer, start: number, end: number): void {
    const length = end - start;
    this.#key(key, headerBytes + length);
    this.#rawHeader(length);
    const buf = this.#buf;
    const at = this.#length;
    if (length < bulkCopyBytes) {
      for (let i = 0; i < length; i++) buf[at + i] = from[start + i] as number;
    } else {
      from.copy(buf, at, start, end);
    }
    this.#length = at + length;
  }

  ip(key: Buffer, value: PackedIp): void {
    if (typeof value !== 'number') return this.bytes(key, value);
    this.#key(key, 5);
    const buf = this.#buf;
    const at = this.#length;
    buf[at] = 0xa4;
    buf[at + 1] = value >> 24;
    buf[at + 2] = value >> 16;
    buf[at + 3] = value >> 8;
    buf[at + 4] = value;
    this.#length = at + 5;
  }

  nil(key: Buffer): void {
    this.#key(key, 1);
    this.#buf[this.#length++] = 0xc0;
  }

  nullableBytes(key: Buffer, value: Buffer | null): void {
    if (value === null) this.nil(key);
    else this.bytes(key, value);
  }

  bool(key: Buffer, value: boolean): void {
    this.#key(key, 1);
    this.#buf[this.#length++] = value ? 0xc3 : 0xc2;
  }

  uint(key: Buffer, value: number): void {
    this.#key(key, headerBytes);
    const buf = this.#buf;
    const at = this.#length;
    if (value < 0x80) {
      buf[at] = value;
      this.#length = at + 1;
    } else if (value <= 0xff) {
      buf[at] = 0xcc;
      buf[at + 1] = value;
      this.#length = at + 2;
    } else if (value <= 0xffff) {
      buf[at] = 0xcd;
      this.#length = buf.writeUInt16BE(value, at + 1);
    } else {
      buf[at] = 0xce;
      this.#length = buf.writeUInt32BE(value, at + 1);
    }
  }

  /** Writes a key and makes room for its value. */
  #key(key: Buffer, valueBytes: number): void {
    this.#room(key.length + valueBytes);
    const buf = this.#buf;
    const at = this.#length;
    for (let i = 0; i < key.length; i++) buf[at + i] = key[i] as number;
    this.#length = at + key.length;
  }

  #rawHeader(length: number): void {
    const buf = this.#buf;
    const at = this.#length;
    if (length < 32) {
      buf[at] = 0xa0 | length;
      this.#length = at + 1;
    } else if (length <= 0xffff) {
      buf[at] = 0xda;
      this.#length = buf.writeUInt16BE(length, at + 1);
    } else {
      buf[at] = 0xdb;
      this.#length = buf.writeUInt32BE(length, at + 1);
    }
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buf.length) return;
    const length = Math.max(needed, this.#buf.length * 2);
    this.#memory.reserve(length);
    const larger = Buffer.allocUnsafeSlow(length);
    larger.set(this.#buf.subarray(0, this.#length));
    if (this.#buf !== this.#own) this.#memory.release(this.#buf.length);
    this.#buf = larger;
  }
}

function copyBytes(from: Buffer, to: Buffer, length: number): void {
  if (length < bulkCopyBytes) for (let i = 0; i < length; i++) to[i] = from[i] as number;
  else to.set(from.subarray(0, length));
}
