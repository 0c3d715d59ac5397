/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checks of arguments of the application.
import { ConfigError, type ConfigProblem } from '../index.js';
import type { SerfQueryOptions } from './serf.js';
import type { SerfTags } from './tags.js';

const MAX_RELAYS = 255;

/** Options of a query with their defaults. */
export interface ResolvedQueryOptions {
  readonly filterNodes: readonly string[];
  readonly filterTags: SerfTags;
  /** Undefined for the default. */
  readonly timeout: number | undefined;
  readonly relayFactor: number;
  readonly requestAck: boolean;
}

/** @throws ConfigError with all mistakes */
export function queryOptions(given: SerfQueryOptions): ResolvedQueryOptions {
  const { filterNodes = [], filterTags = {}, timeout, relayFactor = 0, requestAck = false } = given;
  const problems: ConfigProblem[] = [];
  const check = (field: string, value: unknown, isValid: boolean, rule: string): void => {
    if (!isValid) problems.push({ field, value, rule });
  };
  const areTexts = (values: readonly unknown[]): boolean =>
    values.every((value) => typeof value === 'string');
  const isList = Array.isArray(filterNodes) && areTexts(filterNodes);
  check('filterNodes', filterNodes, isList, 'must be a list of names');
  const isMap = isObject(filterTags) && areTexts(Object.values(filterTags));
  check('filterTags', filterTags, isMap, 'must be an object of regular expressions as texts');
  const isTime = timeout === undefined || (Number.isFinite(timeout) && timeout > 0);
  check('timeout', timeout, isTime, 'must be a number of milliseconds above 0');
  const isFactor = Number.isInteger(relayFactor) && relayFactor >= 0 && relayFactor <= MAX_RELAYS;
  check('relayFactor', relayFactor, isFactor, `must be an integer from 0 to ${MAX_RELAYS}`);
  check('requestAck', requestAck, typeof requestAck === 'boolean', 'must be true or false');
  if (problems.length > 0) throw new ConfigError(problems);
  return { filterNodes, filterTags, timeout, relayFactor, requestAck };
}

/**
 * The bytes of a base64 key.
 *
 * @throws ConfigError, which does not have the key
 */
export function keyBytes(key: unknown): Buffer {
  const isText = typeof key === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(key.trim());
  const bytes = isText ? Buffer.from(key, 'base64') : Buffer.alloc(0);
  if ([16, 24, 32].includes(bytes.length)) return bytes;
  const rule = 'must be the base64 text of 16, 24 or 32 bytes';
  throw new ConfigError([{ field: 'key', value: '[hidden]', rule }]);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
