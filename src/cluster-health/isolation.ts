/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whether we are in a minority of our cluster, or alone: a network that was cut looks from inside just
// like a cluster that got smaller, and only the number of those who should be there tells them apart.
// That number is the user's, or the largest that we have seen for a while; who leaves by itself is
// taken off that.

/** How a node stands in its cluster. */
export type ClusterHealth = 'healthy' | 'minority' | 'isolated';

/** So many there are of so many that should be there, ourselves included. */
export interface ClusterSize {
  readonly members: number;
  readonly expected: number;
}

/** After so long a smaller cluster is taken for the whole one. */
export const ACCEPTED_AFTER_MS = 3_600_000;
/** Everybody is alone at first; for so long that is no trouble. */
export const GRACE_MS = 30_000;

/** Follows how a node stands. */
export class Isolation {
  readonly #given: number | undefined;
  readonly #startedAt: number;
  #peak = 1;
  #peakSeenAt: number;
  #hasBeenHealthy = false;
  #health: ClusterHealth = 'healthy';
  #size: ClusterSize;

  /** @param init.expected - what the user says; undefined: what was seen */
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

  /** When there is something to look at, though nothing happens; undefined: never. */
  get nextLookAt(): number | undefined {
    if (!this.#hasBeenHealthy && this.#expected > 1) return this.#startedAt + GRACE_MS;
    const isBelow = this.#given === undefined && this.#size.members < this.#peak;
    return isBelow ? this.#peakSeenAt + ACCEPTED_AFTER_MS : undefined;
  }

  /** Somebody left by itself: nobody expects it any more. */
  left(): void {
    this.#peak = Math.max(1, this.#peak - 1);
  }

  /** So many there are now. @returns the new health, when it changed */
  look(members: number, now: number): ClusterHealth | undefined {
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
