/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The interface of a CLI command: arguments in, text out, an exit status at the end.
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Readable } from 'node:stream';
import { splitHostPort } from '../wire/address.js';

/** The exit statuses of a command. */
export const exitCodes = {
  /** The command succeeded. */
  done: 0,
  /** The command failed: a node did not answer, or a check failed. The output says what. */
  failed: 1,
  /** The arguments are invalid. */
  usage: 2,
} as const;

/** Where a command writes its output. */
export interface Output {
  write(text: string, written?: () => void): unknown;
  /** Whether it is a terminal. */
  readonly isTTY?: boolean;
  /** Bytes that wait to be read. */
  readonly writableLength?: number;
  /** `error`: the reader closed it. `drain`: everything that waited was read. */
  on?(event: 'error' | 'drain', listener: () => void): unknown;
}

/** The process that a command runs in, or a substitute. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Ends the process immediately. */
  exit?(status: number): void;
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

/** One command. */
export interface Command {
  /** One line, for the list of commands. */
  readonly summary: string;
  /** The output of `--help`: usage, description, each option, examples. */
  readonly help: string;
  /** The command detects itself when its output is closed, and ends gracefully. */
  readonly handlesClosedOutput?: true;
  run(words: readonly string[], io: Io): Promise<number>;
}

/** Invalid arguments; the message says how to call the command. */
export class UsageError extends Error {}

/** The option types of `parseArgs`. */
export type OptionTypes = NonNullable<ParseArgsConfig['options']>;

/** Parsed option values. */
export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/**
 * Parses a command's arguments into options and positionals.
 *
 * @throws UsageError for an unknown option, or an option without its value
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

/** The only positional argument of a command. */
export function oneWord(positionals: readonly string[], what: string): string {
  const [word, ...more] = positionals;
  if (word === undefined) throw new UsageError(`${what} is missing`);
  if (more.length > 0) throw new UsageError(`expected one ${what}, not also '${more[0] ?? ''}'`);
  return word;
}

/** An option's number; the default if the option is absent. */
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

/** An option's text; undefined if the option is absent. */
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
