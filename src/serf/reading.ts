/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checked access to the fields of a message that was read. Whatever a peer sends, a value has the type that it should
// have, or the message is malformed. As in Go, a missing field has its zero value.
import { decodeName } from '../index.js';
import { MalformedMessage } from './malformed-message.js';
import type { Packed, PackedMap } from './pack.js';

const noBytes = Buffer.alloc(0);

/** @throws MalformedMessage, as all functions here */
export function mapIn(value: Packed | undefined): PackedMap {
  if (value instanceof Map) return value as PackedMap;
  throw malformed('a map');
}

/** A list; nil is an empty one. */
export function listIn(value: Packed | undefined): readonly Packed[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as readonly Packed[];
  throw malformed('a list');
}

export function bytesAt(body: PackedMap, key: string): Buffer {
  const value = body.get(key) ?? noBytes;
  if (Buffer.isBuffer(value)) return value;
  throw malformed(key);
}

/** A name or another text; invalid UTF-8 is preserved. */
export function textOf(value: Packed | undefined): string {
  if (Buffer.isBuffer(value)) return decodeName(value);
  throw malformed('a text');
}

export function textAt(body: PackedMap, key: string): string {
  return textOf(body.get(key) ?? noBytes);
}

/** An unsigned integer up to `most`. */
export function uintAt(body: PackedMap, key: string, most: number): number {
  const value = body.get(key) ?? 0;
  if (isUint(value, most)) return value;
  throw malformed(key);
}

/** A Lamport time. A message with the largest time would leave no time for later messages. */
export function timeOf(value: Packed | undefined): number {
  if (isUint(value ?? 0, Number.MAX_SAFE_INTEGER)) return (value ?? 0) as number;
  throw malformed('a Lamport time');
}

export function timeAt(body: PackedMap, key: string): number {
  return timeOf(body.get(key));
}

/** A number with a fraction; it may be infinite or no number. */
export function floatOf(value: Packed | undefined): number {
  if (typeof value === 'number') return value;
  throw malformed('a number');
}

/** The error for a field that is not as Serf has it. */
export function malformed(what: string): MalformedMessage {
  return new MalformedMessage(`${what} is not as Serf has it`);
}

function isUint(value: Packed, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}
