/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The MessagePack codec has two paths. The fast path reads the fields of a canonical body, one exactly as Go writes
// it, in order. Any other valid body takes the slow path (slow-path.ts); property tests check that both agree.
import { decodeStructSlowPath } from './slow-path.js';
import type { Schema } from './schema.js';
import { StructReader } from './struct-reader.js';
import { StructWriter } from './struct-writer.js';

// One instance of each is enough: this code cannot be interrupted.
const reader = new StructReader();
const writer = new StructWriter();

/** Encodes with a shared writer, which `write` must not use after it returns. */
export function encodeWith(write: (writer: StructWriter) => void): Buffer {
  writer.begin();
  write(writer);
  return writer.take();
}

/** Encodes a type byte and a struct. */
export function encodeTyped<T>(type: number, schema: Schema<T>, value: T): Buffer {
  writer.begin();
  writer.byte(type);
  schema.write(writer, value);
  return writer.take();
}

/**
 * Reads the struct at the cursor if it is complete and canonical, and moves the cursor behind it. If the result is
 * undefined, use `scanOrMissing` and {@link readStruct}.
 */
export function readCanonical<T>(schema: Schema<T>, cursor: Cursor): T | undefined {
  reader.begin(cursor.buf, cursor.pos, cursor.end);
  const value = schema.read(reader);
  const end = reader.end();
  if (end < 0) return undefined;
  cursor.pos = end;
  return value;
}

/** A reading position. */
export interface Cursor {
  readonly buf: Buffer;
  pos: number;
  readonly end: number;
}

/**
 * Reads the struct at the cursor and moves the cursor behind it. Byte fields are views of the buffer, not copies.
 *
 * @throws WireError when it is truncated, malformed or out of range
 */
export function readStruct<T>(schema: Schema<T>, cursor: Cursor): T {
  return readCanonical(schema, cursor) ?? decodeStructSlowPath(schema, cursor);
}
