/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Failed members to reconnect to. The member table reaps them after `gossipToTheDeadTime`; in Go memberlist nothing then
// leads from one side of a long partition to the other. Serf keeps such a list and periodically retries a random entry.
//
// All nodes share the work. With F failed members and A living ones, each node makes an attempt with probability F/A in
// an interval (at most 1), so that all together make about one attempt for each failed member, whatever the size of the
// cluster. The longer a member is gone, the less often: its share of F is 1 at first, and later the interval divided by
// a twentieth of the time since its failure, at most an hour. So a partition heals within a twentieth of the time that
// it lasted, or within an interval or two.
import type { Clock, Random } from '../core/ports.js';
import { limits } from '../wire/limits.js';

/** A failed member. */
export interface ReconnectCandidate {
  readonly name: string;
  /** Its last address, `'ip:port'`. */
  readonly addr: string;
  /** Clock time at which it was declared dead. */
  readonly failedAt: number;
}

/** What this node contacts in one interval. */
export type Draw = { readonly peer: ReconnectCandidate } | 'others' | undefined;

const SHARE_OF_ABSENCE = 1 / 20;
const LONGEST_PAUSE_MS = 3_600_000;

/** Failed members, until they are back or have been gone for too long. */
export class ReconnectCandidates {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #intervalMs: number;
  readonly #forgetAfterMs: number;
  /** Oldest first. */
  readonly #candidates = new Map<string, ReconnectCandidate>();

  constructor(
    components: { clock: Clock; random: Random },
    init: { intervalMs: number; forgetAfterMs: number },
  ) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#intervalMs = init.intervalMs;
    this.#forgetAfterMs = init.forgetAfterMs;
  }

  /** How many there are. */
  get size(): number {
    this.#removeExpired();
    return this.#candidates.size;
  }

  has(name: string): boolean {
    return this.#candidates.has(name);
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<ReconnectCandidate> {
    this.#removeExpired();
    return this.#candidates.values();
  }

  /** Adds a failed member. If there are too many, the oldest is removed. */
  add(name: string, addr: string): void {
    this.#candidates.delete(name);
    this.#candidates.set(name, { name, addr, failedAt: this.#clock.now() });
    for (const oldest of this.#candidates.keys()) {
      if (this.#candidates.size <= limits.reconnectCandidates) return;
      this.#candidates.delete(oldest);
    }
  }

  /** Removes a member; true when it was a candidate. */
  remove(name: string): boolean {
    return this.#candidates.delete(name);
  }

  clear(): void {
    this.#candidates.clear();
  }

  /**
   * Decides what this node contacts in this interval; undefined: nothing.
   *
   * @param alive - how many members are alive, this node included: each of them draws
   * @param others - other contacts that all of them share, counted as so many failed members
   */
  draw(alive: number, others = 0): Draw {
    this.#removeExpired();
    let all = others;
    for (const peer of this.#candidates.values()) all += this.#share(peer);
    let drawn = this.#random.next() * Math.max(alive, all);
    for (const peer of this.#candidates.values()) {
      drawn -= this.#share(peer);
      if (drawn < 0) return { peer };
    }
    return drawn < others ? 'others' : undefined;
  }

  #share({ failedAt }: ReconnectCandidate): number {
    const absenceMs = this.#clock.now() - failedAt;
    const pauseMs = Math.min(absenceMs * SHARE_OF_ABSENCE, LONGEST_PAUSE_MS);
    return this.#intervalMs / Math.max(this.#intervalMs, pauseMs);
  }

  #removeExpired(): void {
    const longAgo = this.#clock.now() - this.#forgetAfterMs;
    for (const { name, failedAt } of this.#candidates.values()) {
      if (failedAt > longAgo) return;
      this.#candidates.delete(name);
    }
  }
}
