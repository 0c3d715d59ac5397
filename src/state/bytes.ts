/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Reads and writes the bytes of messages: numbers as varints (7 bits per byte, the lowest first), texts with their length.
import { MalformedState } from './malformed.js';

/** Bytes of a varint. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Reads one message. What a length claims allocates nothing. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** @throws MalformedState */
  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new MalformedState('it ends early');
    return byte;
  }

  /**
   * An integer from 0 to 2⁵³ − 1.
   *
   * @throws MalformedState
   */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte <= 0x7f) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      factor *= 0x80;
    }
    throw new MalformedState('a number is too large');
  }

  /**
   * A view of bytes with their length.
   *
   * @throws MalformedState
   */
  bytes(most: number): Buffer {
    const length = this.varint();
    if (length > most) throw new MalformedState(`${length} bytes, where ${most} are allowed`);
    return this.fixed(length);
  }

  /**
   * Bytes with their length as text.
   *
   * @throws MalformedState
   */
  text(most: number, encoding: 'utf8' | 'latin1'): string {
    const length = this.varint();
    if (length > most) throw new MalformedState(`${length} bytes, where ${most} are allowed`);
    const start = this.#at;
    const end = start + length;
    if (end > this.#bytes.length) throw new MalformedState('it ends early');
    this.#at = end;
    return this.#bytes.toString(encoding, start, end);
  }

  /**
   * A view of so many bytes.
   *
   * @throws MalformedState
   */
  fixed(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new MalformedState('it ends early');
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }
}

/** Writes one message of limited length. */
export class Writer {
  #bytes: Buffer;
  #length = 0;

  constructor(expected = 256) {
    this.#bytes = Buffer.allocUnsafe(expected);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written. The writer must not be used again. */
  get result(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Bytes without their length. */
  fixed(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Bytes with their length. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.fixed(bytes);
  }

  /** A text with its length. */
  text(text: string, encoding: 'utf8' | 'latin1' | 'hex'): void {
    const length = Buffer.byteLength(text, encoding);
    this.varint(length);
    this.fixedText(text, encoding, length);
  }

  /** A text without its length. */
  fixedText(text: string, encoding: 'utf8' | 'latin1' | 'hex', length: number): void {
    this.#reserve(length);
    this.#length += this.#bytes.write(text, this.#length, length, encoding);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
