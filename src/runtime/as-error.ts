/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Conversion of thrown values to errors. Values may come from other realms (a `vm` context, as under Jest) and from
// other copies of a class, so the checks look at properties and do not use `instanceof` alone.
import { types } from 'node:util';

/** Whether a value is an error of any realm: an object with a message and a stack. Never throws. */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false;
  try {
    const { message, stack } = value as { message?: unknown; stack?: unknown };
    if (typeof message !== 'string') return false;
    return typeof stack === 'string' || value instanceof Error || types.isNativeError(value);
  } catch {
    return false;
  }
}

/**
 * Converts a thrown value to an error. An error is returned unchanged, with its `code`. Any other value becomes the
 * `cause` of a new error, which has the same text, and the same `code` if there is one. Never throws.
 */
export function asError(thrown: unknown): Error {
  if (isError(thrown)) return thrown;
  const error: Error & { code?: unknown } = new Error(textOf(thrown), { cause: thrown });
  const code = property(thrown, 'code');
  if (typeof code === 'string' || typeof code === 'number') error.code = code;
  return error;
}

function textOf(thrown: unknown): string {
  const message = property(thrown, 'message');
  if (typeof message === 'string') return message;
  try {
    return String(thrown);
  } catch {
    return 'the thrown value cannot be converted to a string';
  }
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}
