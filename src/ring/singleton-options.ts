/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Options of singletons: their meaning, rules and defaults.
import type { Memberlist } from '../index.js';
import type { CandidateOptions } from './candidates.js';
import { checkOptions, rules } from './check.js';
import type { Lease } from './lease.js';
import { candidateRules } from './ring.js';

/** What happens when a task returns or throws although this node still owns it. */
export type RestartPolicy = 'always' | 'on-error' | 'never';

/** The time between the end of a task and its restart on the same node. */
export interface RetryOptions {
  /** After the first end, in milliseconds. It doubles with each further one. Default: 1,000. */
  readonly min?: number | undefined;
  /** At most, in milliseconds. A task that ran for longer than this starts over at `min`. Default: 60,000. */
  readonly max?: number | undefined;
}

/** Options of {@link runSingleton}. Give all nodes the same. */
export interface SingletonOptions extends CandidateOptions {
  /**
   * How many members that pass the filter must be present for the task to run, this node included. With more than half
   * of the nodes that there can be, no two sides of a partition run it. Default: more than half of `expectedMembers` if
   * that is configured, else 1.
   */
  readonly minMembers?: number | undefined;
  /**
   * Whether the task does not run on a node that is isolated or in a minority (`Memberlist.clusterHealth`), or whose alive
   * members are at most half of the expected ones: suspect members do not count here. Half is a minority: of two members
   * that lose each other, neither runs it. Default: true.
   */
  readonly stopInMinority?: boolean | undefined;
  /** A lock outside the cluster: the task runs only while this node holds it. Default: none. */
  readonly lease?: Lease | undefined;
  /**
   * For how long each renewal of the lease is valid, in milliseconds. It is renewed after a third, and the task is
   * aborted after two thirds without success; the last third is for the task to end. Default: 15,000.
   */
  readonly leaseTtl?: number | undefined;
  /**
   * When a task that ended is started again on the same node: `always`, only if it threw (`on-error`), or `never`, which
   * means once for each time that this node becomes the owner. Default: `always`.
   */
  readonly restart?: RestartPolicy | undefined;
  readonly retry?: RetryOptions | undefined;
}

/** The options with all defaults. */
export interface SingletonSettings {
  readonly minMembers: number;
  readonly stopInMinority: boolean;
  readonly lease: Lease | undefined;
  readonly leaseTtl: number;
  readonly restart: RestartPolicy;
  readonly minRetryMs: number;
  readonly maxRetryMs: number;
}

const known = {
  ...candidateRules,
  minMembers: rules.count,
  stopInMinority: rules.flag,
  lease: rules.methods('acquire', 'renew', 'release'),
  leaseTtl: rules.positiveDuration,
  restart: rules.oneOf('always', 'on-error', 'never'),
  retry: rules.object,
};

/** @throws ConfigError */
export function singletonSettings(
  { config }: Pick<Memberlist, 'config'>,
  options: SingletonOptions,
): SingletonSettings {
  checkOptions(options, known);
  const { retry = {}, minMembers = defaultMinMembers(config.expectedMembers) } = options;
  checkOptions(retry, { min: rules.positiveDuration, max: rules.positiveDuration });
  const { min: minRetryMs = 1_000 } = retry;
  return {
    minMembers,
    stopInMinority: options.stopInMinority ?? true,
    lease: options.lease,
    leaseTtl: options.leaseTtl ?? 15_000,
    restart: options.restart ?? 'always',
    minRetryMs,
    maxRetryMs: Math.max(minRetryMs, retry.max ?? 60_000),
  };
}

function defaultMinMembers(expected: number | undefined): number {
  return expected === undefined ? 1 : Math.floor(expected / 2) + 1;
}
