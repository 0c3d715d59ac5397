/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The two roads of the MessagePack codec. The fast one goes straight through the fields of a body that
// looks exactly like what Go writes. Anything else that is valid takes the slow path (slow-road.ts);
// property tests hold the two equal.
import { decodeStructSlowly } from './slow-path.js';
import type { Schema } from './schema.js';
import { StructReader } from './struct-reader.js';
import { StructWriter } from './struct-writer.js';

// One of each will do: nothing here can be interrupted.
const reader = new StructReader();
const writer = new StructWriter();

/** Bytes that are made by writing; what `write` is given is good for that call alone. */
export function written(write: (writer: StructWriter) => void): Buffer {
  writer.begin();
  write(writer);
  return writer.take();
}

/** A type byte and the struct behind it. */
export function encodeTyped<T>(type: number, schema: Schema<T>, value: T): Buffer {
  writer.begin();
  writer.byte(type);
  schema.write(writer, value);
  return writer.take();
}

/**
 * Reads the struct at the cursor if it looks exactly like what Go writes, and is whole, and moves the
 * cursor behind it. Undefined: look closer, with `scanOrMissing` and {@link readStruct}.
 */
export function readStraight<T>(schema: Schema<T>, cursor: Cursor): T | undefined {
  reader.begin(cursor.buf, cursor.pos, cursor.end);
  const value = schema.read(reader);
  const end = reader.end();
  if (end < 0) return undefined;
  cursor.pos = end;
  return value;
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
  return readStraight(schema, cursor) ?? decodeStructSlowly(schema, cursor);
}
