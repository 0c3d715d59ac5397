/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Who failed and may be back: the memory that a member table loses after `gossipToTheDeadTime`. In Go
// memberlist nothing leads from one side of a long partition to the other any more; Serf keeps such a
// list of its own and calls one of it now and then, and so do we.
//
// No node does it alone. With L lost peers and A living members, each node makes an attempt with
// probability L/A in an interval (1 at the most), so that all together make about one attempt for each
// lost peer, whatever the cluster's size. The longer a peer is gone the less often: its share of L is
// 1 at first, and later the interval over a twentieth of the time that it is gone, an hour at the most.
// So a partition is over within a twentieth of the time that it lasted, or within an interval or two.
import type { Clock, Random } from '../core/ports.js';
import { limits } from '../wire/limits.js';

/** One who failed. */
export interface ReconnectCandidate {
  readonly name: string;
  /** Where it was: `'ip:port'`. */
  readonly addr: string;
  /** Clock time at which it was found dead. */
  readonly failedAt: number;
}

/** What falls to us in one interval. */
export type Draw = { readonly peer: ReconnectCandidate } | 'others' | undefined;

const SHARE_OF_ABSENCE = 1 / 20;
const LONGEST_PAUSE_MS = 3_600_000;

/** The peers that failed, until they are back or too long gone. */
export class ReconnectCandidates {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #intervalMs: number;
  readonly #forgetAfterMs: number;
  /** Oldest first. */
  readonly #peers = new Map<string, ReconnectCandidate>();

  constructor(
    components: { clock: Clock; random: Random },
    init: { intervalMs: number; forgetAfterMs: number },
  ) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#intervalMs = init.intervalMs;
    this.#forgetAfterMs = init.forgetAfterMs;
  }

  /** How many are remembered. */
  get size(): number {
    this.#forgetTheOld();
    return this.#peers.size;
  }

  has(name: string): boolean {
    return this.#peers.has(name);
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<ReconnectCandidate> {
    this.#forgetTheOld();
    return this.#peers.values();
  }

  /** Somebody failed. Of too many the oldest is forgotten. */
  add(name: string, addr: string): void {
    this.#peers.delete(name);
    this.#peers.set(name, { name, addr, failedAt: this.#clock.now() });
    for (const oldest of this.#peers.keys()) {
      if (this.#peers.size <= limits.reconnectCandidates) return;
      this.#peers.delete(oldest);
    }
  }

  /** Nobody has to look for this one any more; true when somebody did. */
  remove(name: string): boolean {
    return this.#peers.delete(name);
  }

  clear(): void {
    this.#peers.clear();
  }

  /**
   * Whom we are to contact in this interval, if anybody.
   *
   * @param alive - how many members are alive, ourselves included: all of them draw
   * @param others - what else all of them share, as so many lost peers
   */
  draw(alive: number, others = 0): Draw {
    this.#forgetTheOld();
    let all = others;
    for (const peer of this.#peers.values()) all += this.#share(peer);
    let drawn = this.#random.next() * Math.max(alive, all);
    for (const peer of this.#peers.values()) {
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

  #forgetTheOld(): void {
    const longAgo = this.#clock.now() - this.#forgetAfterMs;
    for (const { name, failedAt } of this.#peers.values()) {
      if (failedAt > longAgo) return;
      this.#peers.delete(name);
    }
  }
}
