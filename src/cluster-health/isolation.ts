/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whether this node is isolated or in a minority of its cluster. From inside, a partition looks like a cluster that
// became smaller; only the expected number of members distinguishes them. It is configured, or the largest number of
// the last hour less the members that left.

/** The health of the cluster as a node sees it. */
export type ClusterHealth = 'healthy' | 'minority' | 'isolated';

/** How many members are present and how many are expected, this node included. */
export interface ClusterSize {
  readonly members: number;
  readonly expected: number;
}

/** After this time a smaller cluster counts as the whole one, in milliseconds. */
export const ACCEPTED_AFTER_MS = 3_600_000;
/** A node that has just started may be alone for this long, in milliseconds. */
export const GRACE_MS = 30_000;

/** Tracks the health of the cluster. */
export class Isolation {
  readonly #given: number | undefined;
  readonly #startedAt: number;
  #peak = 1;
  #peakSeenAt: number;
  #hasBeenHealthy = false;
  #health: ClusterHealth = 'healthy';
  #size: ClusterSize;

  /** @param init.expected - the configured number; undefined: the largest that was seen */
  constructor(init: { expected: number | undefined; now: number }) {
    this.#given = init.expected;
    this.#startedAt = init.now;
    this.#peakSeenAt = init.now;
    this.#size = { members: 1, expected: this.#expected };
  }

  get health(): ClusterHealth {
    return this.#health;
  }

  get size(): ClusterSize {
    return this.#size;
  }

  /** When to evaluate again even if membership does not change; undefined: never. */
  get nextEvaluationAt(): number | undefined {
    if (!this.#hasBeenHealthy && this.#expected > 1) return this.#startedAt + GRACE_MS;
    const isBelow = this.#given === undefined && this.#size.members < this.#peak;
    return isBelow ? this.#peakSeenAt + ACCEPTED_AFTER_MS : undefined;
  }

  /** A member left: it is not expected any more. */
  left(): void {
    this.#peak = Math.max(1, this.#peak - 1);
  }

  /** Evaluates the number of members. @returns the new health, if it changed */
  evaluate(members: number, now: number): ClusterHealth | undefined {
    if (members >= this.#peak || now - this.#peakSeenAt >= ACCEPTED_AFTER_MS) {
      this.#peak = members;
      this.#peakSeenAt = now;
    }
    const expected = this.#expected;
    this.#size = { members, expected };
    const isMajority = 2 * members > expected;
    this.#hasBeenHealthy ||= isMajority || now - this.#startedAt >= GRACE_MS;
    if (!this.#hasBeenHealthy) return undefined;
    const health = isMajority ? 'healthy' : members === 1 ? 'isolated' : 'minority';
    if (health === this.#health) return undefined;
    this.#health = health;
    return health;
  }

  get #expected(): number {
    return this.#given ?? this.#peak;
  }
}
