/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The options and arguments of operations, checked as strictly as the configuration: a wrong value is a ConfigError
// that says what is expected, and never a timer of NaN milliseconds.
import { types } from 'node:util';
import { nearestName } from '../config/nearest-name.js';
import { ConfigError, type ConfigProblem } from '../errors.js';
import { isEnvelope } from '../wire/extension-envelope.js';

/** Returns what a value must be; undefined when it is valid. */
type Rule = (value: unknown) => string | undefined;

/** Options of an operation that takes time. */
export interface WaitOptions {
  /**
   * Milliseconds, 0 or more; `Infinity` for no limit. With 0 the operation starts, and the promise rejects with a
   * TimeoutError unless the operation ends at once. Default: 10,000.
   */
  readonly timeout?: number;
  /** Gives up waiting when it is aborted. */
  readonly signal?: AbortSignal;
}

const timeout: Rule = (value) =>
  typeof value === 'number' && value >= 0
    ? undefined
    : 'must be a number of milliseconds, 0 or more (Infinity for no limit)';

// A signal of a polyfill or of another realm is valid, too.
const signal: Rule = (value) => {
  const { aborted, addEventListener, removeEventListener } = (value ?? {}) as Partial<AbortSignal>;
  const isSignal =
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function';
  return isSignal ? undefined : 'must be an AbortSignal';
};

const minMembers: Rule = (value) =>
  Number.isSafeInteger(value) && Number(value) >= 1 ? undefined : 'must be an integer, 1 or more';

/** The text that replaces an earlier broadcast of the same name. */
const name: Rule = (value) =>
  typeof value === 'string' && value !== '' ? undefined : 'must be a text, not empty';

const hook: Rule = (value) => (typeof value === 'function' ? undefined : 'must be a function');

const flag: Rule = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');

/** The rules of the options of all operations. */
export const optionRules = { timeout, signal, minMembers, name, hook, flag } as const;

/**
 * Checks the options of an operation. An option that is undefined counts as not given.
 *
 * @param rules - the options that the operation has
 * @throws ConfigError for a wrong value or an unknown option
 */
export function checkOptions(options: unknown, rules: Readonly<Record<string, Rule>>): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const rule = `must be an object with ${Object.keys(rules).join(', ')}`;
    throw new ConfigError([{ field: 'options', value: options, rule }]);
  }
  const problems = Object.entries(options).flatMap(([field, value]): ConfigProblem[] => {
    if (value === undefined) return [];
    const ruleOf = Object.hasOwn(rules, field) ? rules[field] : undefined;
    const rule = ruleOf === undefined ? unknownOption(field, Object.keys(rules)) : ruleOf(value);
    return rule === undefined ? [] : [{ field, value, rule }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

/** The options of `leave`, `updateNode` and `join`. */
export const waitRules = { timeout, signal } as const;

/** @throws ConfigError for what is no Uint8Array */
export function checkBytes(field: string, value: unknown): asserts value is Uint8Array {
  if (types.isUint8Array(value)) return;
  const rule = "must be a Uint8Array, such as a Buffer; for text use Buffer.from('…')";
  throw new ConfigError([{ field, value, rule }]);
}

/** @throws ConfigError for what is no Uint8Array, and for bytes that receivers would read as a message of an extension */
export function checkMessage(value: unknown): asserts value is Uint8Array {
  checkBytes('message', value);
  if (!isEnvelope(value)) return;
  const rule =
    'must not begin like a message of an extension (C1 FD and its name); put a byte before it';
  throw new ConfigError([{ field: 'message', value, rule }]);
}

function unknownOption(field: string, known: readonly string[]): string {
  const suggestion = nearestName(field, known);
  return suggestion === undefined
    ? `unknown option; the options are ${known.join(', ')}`
    : `unknown option; did you mean '${suggestion}'?`;
}
