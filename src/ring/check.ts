/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checks arguments: a wrong one is a ConfigError that says what is expected.
import { types } from 'node:util';
import { ConfigError, ShutdownError, type Memberlist } from '../index.js';
import type { RingKey } from './hash.js';

/** Returns what a value must be; undefined when it is valid. */
export type Rule = (value: unknown) => string | undefined;

const rule =
  (isValid: (value: unknown) => boolean, text: string): Rule =>
  (value) =>
    isValid(value) ? undefined : text;

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isDuration = (value: unknown): boolean =>
  isNumber(value) && value >= 0 && value < Number.MAX_SAFE_INTEGER;

/** The rules of options. */
export const rules = {
  callback: rule((value) => typeof value === 'function', 'must be a function'),
  flag: rule((value) => typeof value === 'boolean', 'must be true or false'),
  duration: rule(isDuration, 'must be a number of milliseconds, 0 or more'),
  positiveDuration: rule(
    (value) => isDuration(value) && value !== 0,
    'must be a number of milliseconds, above 0',
  ),
  count: rule(
    (value) => Number.isSafeInteger(value) && Number(value) >= 1,
    'must be an integer, 1 or more',
  ),
  total: rule(
    (value) => Number.isSafeInteger(value) && Number(value) >= 0,
    'must be an integer, 0 or more',
  ),
  object: rule((value) => typeof value === 'object' && value !== null, 'must be an object'),
  name: rule((value) => typeof value === 'string' && value !== '', 'must be a text, not empty'),
  oneOf: (...values: readonly string[]): Rule =>
    rule((value) => values.includes(value as string), `must be one of ${values.join(', ')}`),
  methods: (...names: readonly string[]): Rule =>
    rule(
      (value) =>
        typeof value === 'object' &&
        value !== null &&
        names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
      `must be an object with the methods ${names.join(', ')}`,
    ),
} as const;

/**
 * Checks options. An option that is undefined counts as not given.
 *
 * @throws ConfigError for a wrong value or an unknown option, with all mistakes
 */
export function checkOptions(options: unknown, known: Readonly<Record<string, Rule>>): void {
  const names = Object.keys(known).join(', ');
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ConfigError([
      { field: 'options', value: options, rule: `must be an object with ${names}` },
    ]);
  }
  const problems = Object.entries(options).flatMap(([field, value]: [string, unknown]) => {
    if (value === undefined) return [];
    const check = Object.hasOwn(known, field) ? known[field] : undefined;
    const broken = check ? check(value) : `unknown option; the options are ${names}`;
    return broken === undefined ? [] : [{ field, value, rule: broken }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

/** @throws ConfigError when the value breaks the rule */
export function check(field: string, value: unknown, by: Rule): void {
  const broken = by(value);
  if (broken !== undefined) throw new ConfigError([{ field, value, rule: broken }]);
}

/**
 * Checks the node that a function of this package is called with. (A class of another copy of the package would fail
 * `instanceof`: what counts are the methods.)
 *
 * @param operation - the function, for messages
 * @throws ConfigError for anything but a `Memberlist`; ShutdownError
 */
export function checkList(list: unknown, operation: string): asserts list is Memberlist {
  const { addService, members } = (list ?? {}) as Partial<Memberlist>;
  if (typeof addService !== 'function' || typeof members !== 'function') {
    const text = `must be a Memberlist; ${operation} is a function on one, not an extension for \`use\``;
    throw new ConfigError([{ field: 'list', value: list, rule: text }]);
  }
  if ((list as Memberlist).state === 'shutdown') throw new ShutdownError(operation);
}

/** @throws ConfigError for what is neither text nor bytes */
export function checkKey(key: unknown): asserts key is RingKey {
  if (typeof key === 'string' || types.isUint8Array(key)) return;
  throw new ConfigError([{ field: 'key', value: key, rule: 'must be text or a Uint8Array' }]);
}
