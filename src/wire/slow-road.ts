/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The slow road of the MessagePack codec: msgpack-lite, then the schema. It takes whatever is valid
// but not as Go writes it: keys in another order, unknown keys, str8, bin, wide integers, arrays
// of integers for bytes (wire protocol, section 2).
import msgpack from 'msgpack-lite';
import { noBytes, type Field, type Schema } from './messages.js';
import { INCOMPLETE, scanValue } from './msgpack-scan.js';
import type { Cursor } from './struct-codec.js';
import { decodeText } from './text.js';
import { WireError } from './wire-error.js';

// useraw: strings come as bytes, for a name need not be UTF-8. usemap: keys cannot reach prototypes.
const codec = msgpack.createCodec({ useraw: true, usemap: true });

const RANGE = { u8: 0xff, u16: 0xffff, u32: 0xffffffff } as const;

/**
 * Reads one struct at the cursor and moves the cursor behind it.
 *
 * @throws WireError when it is truncated, malformed or out of range
 */
export function decodeStructSlowly<T>(schema: Schema<T>, cursor: Cursor): T {
  const end = scanValue(cursor.buf, cursor.pos, cursor.end);
  if (end === INCOMPLETE) throw new WireError('truncated', `${schema.name} is cut short`);
  const map = decodeMap(schema, cursor.buf.subarray(cursor.pos, end));
  cursor.pos = end;
  const value = schema.zero();
  for (const field of schema.fields) {
    const held = map.get(field.wireName);
    if (held === undefined || held === null) continue;
    (value as Record<string, unknown>)[field.property] = fieldValue(schema, field, held);
  }
  return value;
}

function decodeMap(schema: Schema<unknown>, bytes: Buffer): Map<string, unknown> {
  let decoded: unknown;
  try {
    decoded = msgpack.decode(bytes, { codec });
  } catch (cause) {
    throw new WireError('malformed', `${schema.name} is not MessagePack`, { cause });
  }
  if (!(decoded instanceof Map)) throw new WireError('malformed', `${schema.name} is not a map`);
  const named = new Map<string, unknown>();
  for (const [key, value] of decoded as Map<unknown, unknown>) {
    if (key instanceof Uint8Array) named.set(asBuffer(key).toString('latin1'), value);
  }
  return named;
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
        return value;
  }
  throw new WireError('malformed', `${field.wireName} of ${schema.name} is no ${field.kind}`);
}

// Raw, str and bin come as bytes; some encoders write bytes as an array of integers.
function bytesOf(value: unknown): Buffer | undefined {
  if (value instanceof Uint8Array) return asBuffer(value);
  if (!Array.isArray(value)) return undefined;
  const isBytes = value.every((item) => Number.isInteger(item) && item >= 0 && item <= 255);
  return isBytes ? Buffer.from(value as number[]) : undefined;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
