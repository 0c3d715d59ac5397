/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// MessagePack as Serf writes and reads it: texts and bytes are both "raw" in the old form, and Lamport times
// have 64 bits. What is read may have any valid form; lengths that are claimed allocate nothing, and the number of values
// is bounded.
import { encodeName } from '../index.js';
import { serfLimits } from './limits.js';
import { MalformedMessage } from './malformed-message.js';

/** A value as it is read: raw comes as bytes, whichever it was. Extensions come as null. */
export type Packed = number | boolean | null | Buffer | readonly Packed[] | PackedMap;
/** A map, by the bytes of its keys as Latin-1. */
export type PackedMap = ReadonlyMap<string, Packed>;

/** A value to be written. */
export type Packable =
  | number
  | boolean
  | null
  | string
  | Uint8Array
  | Float64
  | readonly Packable[]
  | ReadonlyMap<string, Packable>
  | { readonly [key: string]: Packable };

/** A number that is written with 64 bits of floating point, as Go's float64. */
export class Float64 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

const MAX_DEPTH = 8;

/** Writes one value. Numbers are unsigned integers up to 2⁵³ − 1, or a {@link Float64}. */
export function pack(value: Packable): Buffer {
  const parts: Buffer[] = [];
  write(parts, value);
  return Buffer.concat(parts);
}

function write(parts: Buffer[], value: Packable): void {
  if (value === null) parts.push(Buffer.of(0xc0));
  else if (typeof value === 'boolean') parts.push(Buffer.of(value ? 0xc3 : 0xc2));
  else if (typeof value === 'number') parts.push(uint(value));
  else if (value instanceof Float64) parts.push(float(value.value));
  else if (typeof value === 'string') writeRaw(parts, encodeName(value));
  else if (ArrayBuffer.isView(value)) writeRaw(parts, value);
  else if (isList(value)) {
    parts.push(header(0x90, 16, 0xdc, value.length));
    for (const each of value) write(parts, each);
  } else {
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    parts.push(header(0x80, 16, 0xde, entries.length));
    for (const [key, each] of entries as [string, Packable][]) {
      writeRaw(parts, encodeName(key));
      write(parts, each);
    }
  }
}

function isList(value: object): value is readonly Packable[] {
  return Array.isArray(value);
}

function writeRaw(parts: Buffer[], bytes: Uint8Array): void {
  parts.push(header(0xa0, 32, 0xda, bytes.length), Buffer.from(bytes));
}

function header(fixed: number, fixedBelow: number, wide: number, length: number): Buffer {
  if (length < fixedBelow) return Buffer.of(fixed | length);
  const buf = Buffer.alloc(length <= 0xffff ? 3 : 5);
  buf[0] = length <= 0xffff ? wide : wide + 1;
  buf.writeUIntBE(length, 1, buf.length - 1);
  return buf;
}

function uint(value: number): Buffer {
  if (value < 0x80) return Buffer.of(value);
  if (value > 0xffffffff) {
    const buf = Buffer.alloc(9, 0xcf);
    buf.writeBigUInt64BE(BigInt(value), 1);
    return buf;
  }
  const width = value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
  const buf = Buffer.alloc(1 + width, 0xcc + Math.log2(width));
  buf.writeUIntBE(value, 1, width);
  return buf;
}

function float(value: number): Buffer {
  const buf = Buffer.alloc(9, 0xcb);
  buf.writeDoubleBE(value, 1);
  return buf;
}

/**
 * Reads the value that `buf` begins with; what stands behind it is ignored, as Go does.
 *
 * @throws MalformedMessage when it is truncated or malformed
 */
export function unpack(buf: Buffer): Packed {
  return new Reader(buf).value(MAX_DEPTH);
}

/**
 * As `unpack`, and what stands behind the value.
 *
 * @throws MalformedMessage when the value is truncated or malformed
 */
export function unpackFirst(buf: Buffer): { value: Packed; rest: Buffer } {
  const reader = new Reader(buf);
  const value = reader.value(MAX_DEPTH);
  return { value, rest: reader.rest };
}

class Reader {
  readonly #buf: Buffer;
  #pos = 0;
  /** Values that may still be read. */
  #left: number = serfLimits.values;

  constructor(buf: Buffer) {
    this.#buf = buf;
  }

  get rest(): Buffer {
    return this.#buf.subarray(this.#pos);
  }

  value(depth: number): Packed {
    const first = this.#uint(1);
    if (first <= 0x7f) return first;
    if (first >= 0xe0) return first - 0x100;
    if (first <= 0x8f) return this.#map(first & 0x0f, depth);
    if (first <= 0x9f) return this.#list(first & 0x0f, depth);
    if (first <= 0xbf) return this.#bytes(first & 0x1f);
    return this.#marked(first, depth);
  }

  #marked(first: number, depth: number): Packed {
    switch (first) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return first === 0xc3;
      case 0xca:
        return this.#bytes(4).readFloatBE();
      case 0xcb:
        return this.#bytes(8).readDoubleBE();
      case 0xcf:
        return Number(this.#bytes(8).readBigUInt64BE());
      case 0xd3:
        return Number(this.#bytes(8).readBigInt64BE());
    }
    // What follows has a length of 1, 2 or 4 bytes, by the two lowest bits.
    const sized = (from: number): number => this.#uint(1 << (first - from));
    if (first >= 0xc4 && first <= 0xc6) return this.#bytes(sized(0xc4));
    if (first >= 0xc7 && first <= 0xc9) return this.#skip(sized(0xc7) + 1);
    if (first >= 0xcc && first <= 0xce) return sized(0xcc);
    if (first >= 0xd0 && first <= 0xd2) {
      const width = 1 << (first - 0xd0);
      return this.#bytes(width).readIntBE(0, width);
    }
    if (first >= 0xd4 && first <= 0xd8) return this.#skip((1 << (first - 0xd4)) + 1);
    if (first >= 0xd9 && first <= 0xdb) return this.#bytes(sized(0xd9));
    if (first === 0xdc || first === 0xdd) return this.#list(this.#uint(2 << (first - 0xdc)), depth);
    if (first === 0xde || first === 0xdf) return this.#map(this.#uint(2 << (first - 0xde)), depth);
    throw new MalformedMessage(`${first.toString(16)} is not MessagePack`);
  }

  #list(count: number, depth: number): Packed[] {
    this.#enter(count, depth);
    const list: Packed[] = [];
    for (let i = 0; i < count; i++) list.push(this.value(depth - 1));
    return list;
  }

  #map(count: number, depth: number): PackedMap {
    this.#enter(2 * count, depth);
    const map = new Map<string, Packed>();
    for (let i = 0; i < count; i++) {
      const key = this.value(depth - 1);
      const each = this.value(depth - 1);
      if (Buffer.isBuffer(key)) map.set(key.toString('latin1'), each);
    }
    return map;
  }

  // Every value has a byte at least.
  #enter(values: number, depth: number): void {
    if (depth <= 0) throw new MalformedMessage(`MessagePack nested over ${MAX_DEPTH} deep`);
    if (values > this.#buf.length - this.#pos) throw new MalformedMessage('it is cut short');
    this.#left -= values;
    if (this.#left < 0) throw new MalformedMessage(`it has over ${serfLimits.values} values`);
  }

  #skip(bytes: number): null {
    this.#bytes(bytes);
    return null;
  }

  #uint(width: number): number {
    return this.#bytes(width).readUIntBE(0, width);
  }

  #bytes(length: number): Buffer {
    const end = this.#pos + length;
    if (end > this.#buf.length) throw new MalformedMessage('it is cut short');
    const bytes = this.#buf.subarray(this.#pos, end);
    this.#pos = end;
    return bytes;
  }
}
