/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The fast road of the MessagePack codec: straight from schema to bytes and back, for bodies that
// look exactly like what Go writes (wire protocol, section 2). Anything else that is valid takes
// the slow road (slow-road.ts); property tests hold the two equal.
import { decodeStructSlowly } from './slow-road.js';
import { noBytes, type Field, type Schema } from './messages.js';
import { decodeText, textByteLength, writeText } from './text.js';

type Loose = Record<string, unknown>;

/** Bytes that the struct takes on the wire. */
export function structLength<T>(schema: Schema<T>, value: T): number {
  let length = 1; // fixmap: no struct has more than 15 fields
  for (const field of schema.fields) {
    const held = (value as Loose)[field.property];
    if (field.optional && isZero(held)) continue;
    length += field.key.length + valueLength(field, held);
  }
  return length;
}

/** Writes the struct at `offset`; there must be room for `structLength` bytes. Returns the end. */
export function writeStruct<T>(schema: Schema<T>, value: T, buf: Buffer, offset: number): number {
  let count = schema.required;
  let pos = offset + 1;
  for (const field of schema.fields) {
    const held = (value as Loose)[field.property];
    if (field.optional) {
      if (isZero(held)) continue;
      count++;
    }
    buf.set(field.key, pos);
    pos = writeValue(field, held, buf, pos + field.key.length);
  }
  buf[offset] = 0x80 | count;
  return pos;
}

/** Where reading stands. */
export interface Cursor {
  readonly buf: Buffer;
  pos: number;
  readonly end: number;
}

/**
 * Reads the struct at the cursor and moves the cursor behind it. Byte fields are views of the
 * buffer, not copies.
 *
 * @throws WireError when it is truncated, malformed or out of range
 */
export function readStruct<T>(schema: Schema<T>, cursor: Cursor): T {
  const start = cursor.pos;
  const value = readFast(schema, cursor);
  if (value !== undefined) return value;
  cursor.pos = start;
  return decodeStructSlowly(schema, cursor);
}

function isZero(value: unknown): boolean {
  return value === 0 || (value as { length: number }).length === 0;
}

function valueLength(field: Field, value: unknown): number {
  switch (field.kind) {
    case 'text': {
      const length = textByteLength(value as string);
      return rawHeaderLength(length) + length;
    }
    case 'bytes':
    case 'nullableBytes': {
      if (value === null) return 1;
      const { length } = value as Buffer;
      return rawHeaderLength(length) + length;
    }
    case 'bool':
      return 1;
    default:
      return uintLength(value as number);
  }
}

function writeValue(field: Field, value: unknown, buf: Buffer, pos: number): number {
  switch (field.kind) {
    case 'text': {
      const behindHeader = writeRawHeader(buf, pos, textByteLength(value as string));
      return writeText(buf, behindHeader, value as string);
    }
    case 'bytes':
    case 'nullableBytes': {
      if (value === null) {
        buf[pos] = 0xc0;
        return pos + 1;
      }
      const bytes = value as Buffer;
      const behindHeader = writeRawHeader(buf, pos, bytes.length);
      buf.set(bytes, behindHeader);
      return behindHeader + bytes.length;
    }
    case 'bool':
      buf[pos] = value === true ? 0xc3 : 0xc2;
      return pos + 1;
    default:
      return writeUint(buf, pos, value as number);
  }
}

function rawHeaderLength(length: number): number {
  return length < 32 ? 1 : length <= 0xffff ? 3 : 5;
}

function writeRawHeader(buf: Buffer, pos: number, length: number): number {
  if (length < 32) {
    buf[pos] = 0xa0 | length;
    return pos + 1;
  }
  if (length <= 0xffff) {
    buf[pos] = 0xda;
    return buf.writeUInt16BE(length, pos + 1);
  }
  buf[pos] = 0xdb;
  return buf.writeUInt32BE(length, pos + 1);
}

function uintLength(value: number): number {
  return value < 0x80 ? 1 : value <= 0xff ? 2 : value <= 0xffff ? 3 : 5;
}

function writeUint(buf: Buffer, pos: number, value: number): number {
  if (value < 0x80) {
    buf[pos] = value;
    return pos + 1;
  }
  if (value <= 0xff) {
    buf[pos] = 0xcc;
    buf[pos + 1] = value;
    return pos + 2;
  }
  if (value <= 0xffff) {
    buf[pos] = 0xcd;
    return buf.writeUInt16BE(value, pos + 1);
  }
  buf[pos] = 0xce;
  return buf.writeUInt32BE(value, pos + 1);
}

// Undefined: not the form that Go writes, or not whole. The slow road decides which.
function readFast<T>(schema: Schema<T>, cursor: Cursor): T | undefined {
  const { buf } = cursor;
  const first = cursor.pos < cursor.end ? (buf[cursor.pos++] as number) : 0;
  if (first < 0x80 || first > 0x8f) return undefined;
  let missing = first & 0x0f;
  const value = schema.zero();
  for (const field of schema.fields) {
    if (!startsWith(cursor, field.key)) {
      if (field.optional) continue;
      return undefined;
    }
    missing--;
    cursor.pos += field.key.length;
    const held = readValue(field, cursor);
    if (held === undefined) return undefined;
    (value as Loose)[field.property] = held;
  }
  return missing === 0 ? value : undefined;
}

function startsWith(cursor: Cursor, key: Buffer): boolean {
  const { buf, pos, end } = cursor;
  if (pos + key.length > end) return false;
  for (let i = 0; i < key.length; i++) {
    if (buf[pos + i] !== key[i]) return false;
  }
  return true;
}

function readValue(field: Field, cursor: Cursor): unknown {
  switch (field.kind) {
    case 'text': {
      const length = readRawHeader(cursor);
      if (length < 0) return undefined;
      cursor.pos += length;
      return decodeText(cursor.buf, cursor.pos - length, cursor.pos);
    }
    case 'bytes':
    case 'nullableBytes': {
      if (cursor.buf[cursor.pos] === 0xc0 && cursor.pos < cursor.end) {
        cursor.pos++;
        return field.kind === 'bytes' ? noBytes : null;
      }
      const length = readRawHeader(cursor);
      if (length < 0) return undefined;
      cursor.pos += length;
      return cursor.buf.subarray(cursor.pos - length, cursor.pos);
    }
    case 'bool': {
      if (cursor.pos >= cursor.end) return undefined;
      const byte = cursor.buf[cursor.pos++];
      return byte === 0xc3 ? true : byte === 0xc2 ? false : undefined;
    }
    case 'u8':
      return readUint(cursor, 0xff);
    case 'u16':
      return readUint(cursor, 0xffff);
    case 'u32':
      return readUint(cursor, 0xffffffff);
  }
}

// The length of a raw that lies whole before the end, with the cursor behind its header; else -1.
function readRawHeader(cursor: Cursor): number {
  const { buf, pos, end } = cursor;
  if (pos >= end) return -1;
  const first = buf[pos] as number;
  let length: number;
  if (first >= 0xa0 && first <= 0xbf) {
    length = first & 0x1f;
    cursor.pos = pos + 1;
  } else if (first === 0xda && pos + 3 <= end) {
    length = buf.readUInt16BE(pos + 1);
    cursor.pos = pos + 3;
  } else if (first === 0xdb && pos + 5 <= end) {
    length = buf.readUInt32BE(pos + 1);
    cursor.pos = pos + 5;
  } else {
    return -1;
  }
  return cursor.pos + length <= end ? length : -1;
}

function readUint(cursor: Cursor, max: number): number | undefined {
  const { buf, pos, end } = cursor;
  if (pos >= end) return undefined;
  const first = buf[pos] as number;
  let value: number;
  if (first < 0x80) {
    value = first;
    cursor.pos = pos + 1;
  } else if (first === 0xcc && pos + 2 <= end) {
    value = buf[pos + 1] as number;
    cursor.pos = pos + 2;
  } else if (first === 0xcd && pos + 3 <= end) {
    value = buf.readUInt16BE(pos + 1);
    cursor.pos = pos + 3;
  } else if (first === 0xce && pos + 5 <= end) {
    value = buf.readUInt32BE(pos + 1);
    cursor.pos = pos + 5;
  } else {
    return undefined;
  }
  return value <= max ? value : undefined;
}
