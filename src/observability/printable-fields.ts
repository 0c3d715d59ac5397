/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Makes the fields of a log line safe to print. Peers choose names, labels and some error messages, and loggers write
// fields unchanged, so all texts are escaped like the message of the line (wire/printable). Errors become plain
// objects, because JSON turns an Error into {}.
import { types } from 'node:util';
import { isError } from '../runtime/as-error.js';
import { printable } from '../wire/printable.js';

const MAX_CAUSES = 4;
const MAX_FRAMES = 20;

/** An error in the fields of a line. All texts are escaped; only the stack has line breaks. */
export interface ShownError {
  /** The name of its class. */
  readonly type: string;
  readonly message: string;
  /** If the error has one. */
  readonly code?: string | number;
  readonly stack: string;
  /** If the error has one: a nested error, at most four levels deep, or a text. */
  readonly cause?: ShownError | string;
}

/** The fields of a line in a form that a logger can write. */
export function printableFields(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, shown(each)]));
}

function shown(value: unknown): unknown {
  if (typeof value === 'string') return printable(value);
  return isAnyError(value) ? shownError(value, 0) : value;
}

function shownError(error: Error, depth: number): ShownError {
  const type = printable(textIn(error, 'name') ?? 'Error');
  const message = textIn(error, 'message') ?? '';
  const frames = (textIn(error, 'stack') ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  const code = property(error, 'code');
  const cause = property(error, 'cause');
  return {
    type,
    message: printable(message),
    ...(typeof code === 'number' && { code }),
    ...(typeof code === 'string' && { code: printable(code) }),
    stack: [`${type}: ${message}`, ...frames.slice(0, MAX_FRAMES)]
      .map((each) => printable(each))
      .join('\n'),
    ...(isAnyError(cause) && depth < MAX_CAUSES && { cause: shownError(cause, depth + 1) }),
    ...(typeof cause === 'string' && { cause: printable(cause) }),
  };
}

// Includes errors with getters that throw.
function isAnyError(value: unknown): value is Error {
  return isError(value) || types.isNativeError(value);
}

function textIn(error: Error, name: string): string | undefined {
  const value = property(error, name);
  return typeof value === 'string' ? value : undefined;
}

// The thrown value comes from user code: its getters may throw.
function property(error: Error, name: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}
