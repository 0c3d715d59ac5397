/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Values of the shared state for people: of bounded length, whatever a peer has set.
import { printable } from '../wire/printable.js';

/** Characters of a value's JSON. */
const MAX_CHARACTERS = 2_048;

/** A value for a line of JSON: itself, or the beginning of its JSON if that is long. */
export function shownValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Uint8Array) return shownBytes(value);
  if (typeof value === 'string') return printableLength(value);
  const text = jsonOf(value);
  return text.length <= MAX_CHARACTERS ? value : printableLength(text);
}

/** A value as one line of text. */
export function valueText(value: unknown, max: number): string {
  if (value instanceof Uint8Array) return printable(shownBytes(value), max);
  return printable(typeof value === 'string' ? value : jsonOf(value), max);
}

function shownBytes(bytes: Uint8Array): string {
  const first = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).subarray(0, 64);
  return `0x${first.toString('hex')}${bytes.length > 64 ? ` … ${bytes.length} bytes` : ''}`;
}

function printableLength(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}…`;
}

function jsonOf(value: unknown): string {
  // `get` returns undefined for a value that does not pass its codec.
  return value === undefined ? 'null' : JSON.stringify(value);
}
