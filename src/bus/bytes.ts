/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Reads and writes the fields of frames: integers as varints (7 bits per byte, the lowest first), text and bytes with
// their length, boot ids as 8 bytes.
import { MalformedFrame } from './malformed-frame.js';

/** Bytes of a boot id. */
export const BOOT_BYTES = 8;

/** Bytes of a varint. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** Writes a varint at `at`; returns its end. */
export function putVarint(buf: Buffer, value: number, at: number): number {
  let rest = value;
  let end = at;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) buf[end++] = (rest % 128) | 0x80;
  buf[end++] = rest;
  return end;
}

/** Collects the fields of a small frame. */
export class Writer {
  readonly #parts: Uint8Array[] = [];

  byte(value: number): this {
    this.#parts.push(Uint8Array.of(value));
    return this;
  }

  varint(value: number): this {
    const buf = Buffer.allocUnsafe(varintBytes(value));
    putVarint(buf, value, 0);
    this.#parts.push(buf);
    return this;
  }

  boot(boot: string): this {
    this.#parts.push(Buffer.from(boot, 'hex'));
    return this;
  }

  text(text: string): this {
    const bytes = Buffer.from(text);
    return this.varint(bytes.length).bytes(bytes);
  }

  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Reads the fields of a frame. Methods throw MalformedFrame when the frame is too short or breaks a rule. */
export class Reader {
  readonly buf: Buffer;
  pos: number;

  constructor(buf: Buffer, pos = 0) {
    this.buf = buf;
    this.pos = pos;
  }

  isAtEnd(): boolean {
    return this.pos >= this.buf.length;
  }

  byte(): number {
    const value = this.buf[this.pos];
    if (value === undefined) throw new MalformedFrame('a truncated frame');
    this.pos++;
    return value;
  }

  /** An integer of at most 2⁵³ − 1. */
  varint(): number {
    const first = this.byte();
    if (first <= 0x7f) return first;
    let value = first & 0x7f;
    let factor = 128;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (value > Number.MAX_SAFE_INTEGER) throw new MalformedFrame('an integer over 2^53');
      if (byte <= 0x7f) {
        if (byte === 0) throw new MalformedFrame('an integer with superfluous bytes');
        return value;
      }
      factor *= 128;
    }
  }

  boot(): string {
    return this.bytes(BOOT_BYTES).toString('hex');
  }

  /** A view. */
  bytes(length: number): Buffer {
    const end = this.pos + length;
    if (end > this.buf.length) throw new MalformedFrame('a truncated frame');
    const bytes = this.buf.subarray(this.pos, end);
    this.pos = end;
    return bytes;
  }

  text(maxBytes: number): string {
    const length = this.varint();
    if (length > maxBytes) throw new MalformedFrame(`a text of ${length} bytes`);
    return this.bytes(length).toString();
  }

  rest(): Buffer {
    return this.bytes(this.buf.length - this.pos);
  }

  end(): void {
    if (!this.isAtEnd()) throw new MalformedFrame('bytes after the end of a frame');
  }
}
