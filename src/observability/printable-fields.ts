/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a log line carries beside its text. Peers choose names, labels and the texts of some errors, and
// loggers write fields as they are: so they are shown as the text of the line is (wire/printable).
import { isPrintable, printable } from '../wire/printable.js';

const MOST_CAUSES = 4;

/** The fields of a line, as a logger may write them. What needs no change is the same object. */
export function printableFields(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, shown(each, 0)]));
}

function shown(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return printable(value);
  return value instanceof Error ? printableError(value, depth) : value;
}

// An error with another message has another stack, which begins with the message. Code and class stay.
function printableError(error: Error, depth: number): Error {
  const message = error.message;
  const cause = depth < MOST_CAUSES ? shown(error.cause, depth + 1) : undefined;
  if (isPrintable(message) && cause === error.cause) return error;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  const copy = Object.create(Object.getPrototypeOf(error) as object, {
    ...Object.getOwnPropertyDescriptors(error),
    message: hidden(printable(message)),
    stack: hidden(
      [`${error.name}: ${printable(message)}`, ...frames.map((line) => printable(line))].join('\n'),
    ),
    ...(error.cause !== undefined && { cause: hidden(cause) }),
  }) as Error;
  return copy;
}

function hidden(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true, enumerable: false };
}
