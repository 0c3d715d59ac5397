/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checks the options, and what is given to `set`.
import { ConfigError, type ConfigProblem } from '../index.js';
import { stateLimits } from './limits.js';
import type { StateOptions } from './state.js';
import { msgpack, type StateCodec, type StateSchema } from './values.js';

/** The options with their defaults. */
export interface ResolvedStateOptions {
  readonly codec: StateCodec;
  readonly schemas: Readonly<Record<string, StateSchema | undefined>>;
  readonly syncInterval: number;
  readonly keepAfterLeave: number;
  readonly keepDeleted: number;
  readonly maxBytesPerNode: number;
  readonly maxKeysPerNode: number;
  readonly maxBytes: number;
}

const dayMs = 86_400_000;

/** The default, the least and the most of each number. */
const numbers = {
  syncInterval: [1_000, 100, 60_000],
  keepAfterLeave: [60_000, 0, dayMs],
  keepDeleted: [600_000, 1_000, dayMs],
  maxBytesPerNode: [stateLimits.bytesPerNode, 1_024, stateLimits.mostBytesPerNode],
  maxKeysPerNode: [stateLimits.keysPerNode, 1, 1_000_000],
  maxBytes: [stateLimits.bytes, 1_024, 2 ** 40],
} as const;

/** @throws ConfigError with all problems */
export function resolveOptions(options: StateOptions<never>): ResolvedStateOptions {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) {
    throw new ConfigError([{ field: 'options', value: given, rule: 'must be an object' }]);
  }
  const fields = given as Readonly<Record<string, unknown>>;
  const problems: ConfigProblem[] = [];
  const known = ['codec', 'schemas', ...Object.keys(numbers)];
  for (const field of Object.keys(fields)) {
    if (known.includes(field)) continue;
    const rule = `is no option of createState; there are ${known.join(', ')}`;
    problems.push({ field, value: fields[field], rule });
  }
  const number = (field: keyof typeof numbers): number => {
    const [otherwise, least, most] = numbers[field];
    const value = fields[field] ?? otherwise;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) {
      return value;
    }
    problems.push({ field, value, rule: `must be an integer from ${least} to ${most}` });
    return otherwise;
  };
  const resolved = {
    codec: codecOf(fields.codec, problems),
    schemas: schemasOf(fields.schemas, problems),
    syncInterval: number('syncInterval'),
    keepAfterLeave: number('keepAfterLeave'),
    keepDeleted: number('keepDeleted'),
    maxBytesPerNode: number('maxBytesPerNode'),
    maxKeysPerNode: number('maxKeysPerNode'),
    maxBytes: number('maxBytes'),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return resolved;
}

/** @throws ConfigError for what is no key */
export function checkKey(key: unknown): asserts key is string {
  const isText = typeof key === 'string' && key !== '' && !/[\p{Surrogate}\ufffd]/u.test(key);
  if (isText && Buffer.byteLength(key) <= stateLimits.keyBytes) return;
  const rule = `must be a text of 1 to ${stateLimits.keyBytes} bytes of UTF-8`;
  throw new ConfigError([{ field: 'key', value: key, rule }]);
}

/**
 * Returns the time to live.
 *
 * @throws ConfigError for invalid or unknown options of `set`
 */
export function checkSetOptions(options: unknown): number | undefined {
  if (typeof options !== 'object' || options === null) {
    const rule = 'must be an object, such as { ttl: 10_000 }';
    throw new ConfigError([{ field: 'options', value: options, rule }]);
  }
  const problems: ConfigProblem[] = [];
  for (const [field, value] of Object.entries(options)) {
    if (field === 'ttl') continue;
    problems.push({ field, value: value as unknown, rule: 'is no option of set; there is ttl' });
  }
  const { ttl } = options as { readonly ttl?: unknown };
  const isTtl = typeof ttl === 'number' && ttl >= 1 && ttl <= stateLimits.ttlMs;
  if (ttl !== undefined && !isTtl) {
    const rule = `must be milliseconds, from 1 to ${stateLimits.ttlMs}`;
    problems.push({ field: 'ttl', value: ttl, rule });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return isTtl ? ttl : undefined;
}

/** @throws ConfigError for another event than `change`, and for what is no listener */
export function checkListener(event: unknown, listener: unknown): void {
  const problems: ConfigProblem[] = [];
  if (event !== 'change') {
    problems.push({ field: 'event', value: event, rule: "must be 'change'" });
  }
  if (typeof listener !== 'function') {
    problems.push({ field: 'listener', value: listener, rule: 'must be a function' });
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function codecOf(value: unknown, problems: ConfigProblem[]): StateCodec {
  if (value === undefined) return msgpack;
  const { encode, decode } = Object(value) as Partial<Record<keyof StateCodec, unknown>>;
  if (typeof encode === 'function' && typeof decode === 'function') return value as StateCodec;
  const rule = 'must be msgpack, bytes, or an object with the functions encode and decode';
  problems.push({ field: 'codec', value, rule });
  return msgpack;
}

function schemasOf(
  value: unknown,
  problems: ConfigProblem[],
): Readonly<Record<string, StateSchema | undefined>> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null) {
    problems.push({ field: 'schemas', value, rule: 'must be an object of Standard Schemas' });
    return {};
  }
  for (const [key, schema] of Object.entries(value)) {
    if (schema === undefined || isSchema(schema)) continue;
    const rule = "must be a Standard Schema: an object with '~standard'";
    problems.push({ field: `schemas.${key}`, value: schema as unknown, rule });
  }
  return value as Readonly<Record<string, StateSchema | undefined>>;
}

// Schemas of ArkType are functions.
function isSchema(value: unknown): boolean {
  const { '~standard': standard } = Object(value) as { '~standard'?: unknown };
  const { validate } = Object(standard) as { validate?: unknown };
  return typeof validate === 'function';
}
