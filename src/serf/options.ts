/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The options of the Serf extension, checked.
import { ConfigError, type ConfigProblem } from '../index.js';
import type { CoalesceTimes } from './coalescer.js';
import type { SerfOptions } from './serf.js';
import { encodeSerfTags, type SerfTags } from './tags.js';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Options with their defaults. */
export interface ResolvedSerfOptions {
  readonly tags: SerfTags;
  readonly keyringFile: string | undefined;
  readonly coordinates: boolean;
  readonly snapshot: string | undefined;
  readonly resolveNameConflicts: boolean;
  readonly reconnectTimeout: number;
  readonly tombstoneTimeout: number;
  readonly coalesce: CoalesceTimes | undefined;
}

type Rule = readonly [test: (value: unknown) => boolean, text: string];

const isTime = (value: unknown): boolean => Number.isFinite(value) && (value as number) > 0;
const text: Rule = [(value) => typeof value === 'string' && value !== '', 'must be a path'];
const flag: Rule = [(value) => typeof value === 'boolean', 'must be true or false'];
const time: Rule = [isTime, 'must be a number of milliseconds above 0'];
const times: Rule = [
  (value) => {
    const { period, quiescence } = (value ?? {}) as Record<string, unknown>;
    return isTime(period) && isTime(quiescence);
  },
  'must be { period, quiescence }, in milliseconds above 0',
];

const rules: Readonly<Record<Exclude<keyof SerfOptions, 'tags'>, Rule>> = {
  keyringFile: text,
  coordinates: flag,
  snapshot: text,
  resolveNameConflicts: flag,
  reconnectTimeout: time,
  tombstoneTimeout: time,
  coalesce: times,
};

/**
 * Checks options and adds the defaults.
 *
 * @throws ConfigError with all mistakes; MessageTooLargeError when the tags have more than 512 bytes
 */
export function resolveOptions(given: SerfOptions): ResolvedSerfOptions {
  const problems: ConfigProblem[] = [];
  for (const [field, value] of Object.entries(given) as [string, unknown][]) {
    if (value === undefined || field === 'tags') continue;
    const rule = Object.hasOwn(rules, field) ? rules[field as keyof typeof rules] : undefined;
    if (rule === undefined) problems.push({ field, value, rule: 'is no option of serf()' });
    else if (!rule[0](value)) problems.push({ field, value, rule: rule[1] });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const { tags = {}, ...others } = given;
  encodeSerfTags(tags);
  return {
    tags: { ...tags },
    keyringFile: others.keyringFile,
    coordinates: others.coordinates ?? true,
    snapshot: others.snapshot,
    resolveNameConflicts: others.resolveNameConflicts ?? true,
    reconnectTimeout: others.reconnectTimeout ?? DAY_MS,
    tombstoneTimeout: others.tombstoneTimeout ?? DAY_MS,
    coalesce: others.coalesce,
  };
}
