/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The slow path of the MessagePack codec: decodes the values of the schema's keys with msgpack-lite. It accepts valid
// bodies that differ from what Go writes: keys in another order, unknown keys, str8, bin, wide integers, arrays of
// integers for bytes (wire protocol, section 2).
import msgpack from 'msgpack-lite/lib/browser.js';
import { noBytes } from './messages.js';
import type { Field, Schema } from './schema.js';
import { containerAt, INCOMPLETE, scanValue } from './msgpack-scan.js';
import type { Cursor } from './struct-codec.js';
import { decodeText } from './text.js';
import { WireError } from './wire-error.js';

// useraw: strings are decoded as bytes, because a name need not be UTF-8.
const codec = msgpack.createCodec({ useraw: true });

const FIXRAW_HEADER_BYTES = 1;
/** The header sizes of bin 8, 16, 32 and str 8, 16, 32. */
const TEXT_HEADER_BYTES: Readonly<Record<number, number>> = {
  0xc4: 2,
  0xc5: 3,
  0xc6: 5,
  0xd9: 2,
  0xda: 3,
  0xdb: 5,
};

const RANGE = { u8: 0xff, u16: 0xffff, u32: 0xffffffff } as const;

/**
 * Reads one struct at the cursor and moves the cursor behind it.
 *
 * @throws WireError when it is truncated, malformed or out of range
 */
export function decodeStructSlowPath<T>(schema: Schema<T>, cursor: Cursor): T {
  const { buf, pos: start } = cursor;
  const end = scanValue(buf, start, cursor.end);
  if (end === INCOMPLETE) throw new WireError('truncated', `a truncated ${schema.name}`);
  cursor.pos = end;
  const value = schema.zero();
  for (const [field, bytes] of findFields(schema, buf, start)) {
    const decoded = decodeValue(schema, field, bytes);
    if (decoded === undefined || decoded === null) continue;
    (value as Record<string, unknown>)[field.property] = fieldValue(schema, field, decoded);
  }
  return value;
}

// The bytes of each field's value, the last one if a key appears twice. Everything else is skipped, not decoded: a
// body may contain thousands of meaningless values, and a packet hundreds of bodies.
function findFields(schema: Schema<unknown>, buf: Buffer, start: number): Map<Field, Buffer> {
  const map = containerAt(buf, start);
  if (map?.kind !== 'map') throw new WireError('malformed', `${schema.name} is not a map`);
  const found = new Map<Field, Buffer>();
  let keyStart = map.pos;
  for (let pair = 0; pair < map.count; pair++) {
    const valueStart = scanValue(buf, keyStart, buf.length);
    const end = scanValue(buf, valueStart, buf.length);
    const field = fieldOf(schema, buf, keyStart, valueStart);
    if (field !== undefined) found.set(field, buf.subarray(valueStart, end));
    keyStart = end;
  }
  return found;
}

// The field whose key is there, as raw, str or bin.
function fieldOf(
  schema: Schema<unknown>,
  buf: Buffer,
  start: number,
  end: number,
): Field | undefined {
  const nameStart = start + textHeaderBytes(buf[start] as number);
  if (nameStart === start) return undefined;
  return schema.fields.find(({ key }) => {
    const length = key.length - FIXRAW_HEADER_BYTES;
    if (end - nameStart !== length) return false;
    return buf.compare(key, FIXRAW_HEADER_BYTES, key.length, nameStart, end) === 0;
  });
}

// Bytes before the content of a raw, str or bin; 0 for other values.
function textHeaderBytes(first: number): number {
  if (first >= 0xa0 && first <= 0xbf) return FIXRAW_HEADER_BYTES;
  return TEXT_HEADER_BYTES[first] ?? 0;
}

// No field is a map, and an array can only represent bytes: msgpack-lite need not build others.
function decodeValue(schema: Schema<unknown>, field: Field, bytes: Buffer): unknown {
  const container = containerAt(bytes, 0);
  if (container !== undefined) {
    const isBytes = container.kind === 'array' && areIntegers(bytes, container.pos);
    if (!isBytes) throw mismatch(schema, field);
  }
  try {
    return msgpack.decode(bytes, { codec });
  } catch (cause) {
    throw new WireError('malformed', `${schema.name} is not MessagePack`, { cause });
  }
}

function areIntegers(buf: Buffer, start: number): boolean {
  for (let pos = start; pos < buf.length; pos = scanValue(buf, pos, buf.length)) {
    const first = buf[pos] as number;
    const isInteger = first <= 0x7f || first >= 0xe0 || (first >= 0xcc && first <= 0xd3);
    if (!isInteger) return false;
  }
  return true;
}

function fieldValue(schema: Schema<unknown>, field: Field, value: unknown): unknown {
  switch (field.kind) {
    case 'text': {
      const bytes = bytesOf(value);
      if (bytes !== undefined) return decodeText(bytes, 0, bytes.length);
      break;
    }
    case 'bytes':
    case 'nullableBytes': {
      const bytes = bytesOf(value);
      if (bytes !== undefined) return bytes.length === 0 ? noBytes : bytes;
      break;
    }
    case 'bool':
      if (typeof value === 'boolean') return value;
      break;
    default:
      if (
        Number.isInteger(value) &&
        (value as number) >= 0 &&
        (value as number) <= RANGE[field.kind]
      )
        return (value as number) + 0; // a float may be -0
  }
  throw mismatch(schema, field);
}

function mismatch(schema: Schema<unknown>, field: Field): WireError {
  return new WireError(
    'malformed',
    `${field.wireName} of ${schema.name} is not of type ${field.kind}`,
  );
}

// Raw, str and bin are decoded as bytes; some encoders write bytes as an array of integers.
function bytesOf(value: unknown): Buffer | undefined {
  if (ArrayBuffer.isView(value)) return asBuffer(value);
  if (!Array.isArray(value)) return undefined;
  const isBytes = value.every((item) => Number.isInteger(item) && item >= 0 && item <= 255);
  return isBytes ? Buffer.from(value as number[]) : undefined;
}

function asBuffer(bytes: ArrayBufferView): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
