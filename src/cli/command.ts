/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a command of the command line is: words in, text out, a status at the end.
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Readable } from 'node:stream';
import { splitHostPort } from '../wire/address.js';

/** The statuses that a command ends with. */
export const exitCodes = {
  /** All went well. */
  done: 0,
  /** It did not work: nobody answered, something is wrong. The output says what. */
  failed: 1,
  /** It was called wrongly. */
  usage: 2,
} as const;

/** Where a command says something. */
export interface Output {
  write(text: string, taken?: () => void): unknown;
  /** Whether people read it. */
  readonly isTTY?: boolean;
  /** Bytes that wait to be read. */
  readonly writableLength?: number;
  /** `error`: nobody reads it any more. `drain`: what waited was taken. */
  on?(event: 'error' | 'drain', listener: () => void): unknown;
}

/** The process that a command runs in, or what stands for it. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Ends the process at once. */
  exit?(status: number): void;
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

/** One command. */
export interface Command {
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What `--help` prints: how to call it, what it does, each option, examples. */
  readonly help: string;
  /** It sees for itself when nobody reads what it says any more, and ends in good order. */
  readonly endsUnread?: true;
  run(words: readonly string[], io: Io): Promise<number>;
}

/** The command was called wrongly; the message says how it is called. */
export class UsageError extends Error {}

/** What `parseArgs` takes for each option. */
export type OptionTypes = NonNullable<ParseArgsConfig['options']>;

/** The values of some options. */
export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/**
 * The options and other words of a command.
 *
 * @throws UsageError for an option that there is not, or one without its value
 */
export function parseWords(
  words: readonly string[],
  options: OptionTypes,
): { values: Values; positionals: string[] } {
  try {
    const parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
    return { values: parsed.values as Values, positionals: parsed.positionals };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The only word of a command. */
export function oneWord(positionals: readonly string[], what: string): string {
  const [word, ...more] = positionals;
  if (word === undefined) throw new UsageError(`${what} is missing`);
  if (more.length > 0)
    throw new UsageError(`only one ${what} is taken, not also '${more[0] ?? ''}'`);
  return word;
}

/** An option's number; the default without it. */
export function numberOf(
  values: Values,
  name: string,
  range: { readonly from: number; readonly to: number; readonly otherwise: number },
): number {
  const text = values[name];
  if (text === undefined) return range.otherwise;
  const number = typeof text === 'string' && text.trim() !== '' ? Number(text) : NaN;
  if (number >= range.from && number <= range.to) return number;
  throw new UsageError(`--${name} must be a number from ${range.from} to ${range.to}`);
}

/** An option's text, if it was given. */
export function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/**
 * An option's address.
 *
 * @throws UsageError
 */
export function addressIn(
  option: string,
  text: string | undefined,
): { host: string; port?: number } | undefined {
  if (text === undefined) return undefined;
  const both = splitHostPort(text);
  if (both !== undefined) return both;
  if (option === 'http') throw new UsageError("--http must be 'PORT' or 'IP:PORT'");
  return { host: text };
}
