/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The store of leases of a scenario. Its clock is that of the cluster, and a node that is cut off from the others still
// reaches it, unless the store itself is down for the node.

import type { Lease, LeaseRequest } from '../../../src/ring/index.js';
import { SeededRandom } from '../../../src/testing/index.js';
import type { RingWorld } from './ring-plan.js';

/** One lease. */
export class LeaseStore {
  readonly #world: RingWorld;
  readonly #outages: number;
  readonly #slotMs: number;
  readonly #random: SeededRandom;
  #holder: string | undefined;
  #expiresAt = 0;
  #isHealed = false;

  /** @param init.outages - the share of the time in which a node does not reach it */
  constructor(world: RingWorld, init: { ttl: number; outages: number }) {
    this.#world = world;
    this.#outages = init.outages;
    // Long enough for a lease to expire.
    this.#slotMs = 1.7 * init.ttl;
    this.#random = new SeededRandom(`leases of ${world.scenario.seed}`);
  }

  /** From now on all nodes reach it. */
  heal(): void {
    this.#isHealed = true;
  }

  /** Whether a holder has the lease now. */
  isHeldBy(holder: string | undefined): boolean {
    return this.#holder === holder && this.#world.now() < this.#expiresAt;
  }

  /** The store, as one node sees it. */
  for(key: string): Lease {
    return {
      acquire: async (request) => {
        await this.#pass(key);
        const isFree = this.#holder === undefined || this.#world.now() >= this.#expiresAt;
        const isTaken = isFree || this.#holder === request.holder;
        if (isTaken) this.#extend(request);
        await this.#pass(key);
        return isTaken;
      },
      renew: async (request) => {
        await this.#pass(key);
        const isKept = this.isHeldBy(request.holder);
        if (isKept) this.#extend(request);
        await this.#pass(key);
        return isKept;
      },
      release: async ({ holder }) => {
        await this.#pass(key);
        if (this.#holder === holder) this.#holder = undefined;
      },
    };
  }

  #extend({ holder, ttl }: LeaseRequest): void {
    this.#holder = holder;
    this.#expiresAt = this.#world.now() + ttl;
  }

  /** Half of a call: rejects, or never resolves, in an outage. */
  #pass(key: string): Promise<void> {
    const slot = Math.floor(this.#world.now() / this.#slotMs);
    const random = new SeededRandom(`store for ${key} in ${slot}, ${this.#world.scenario.seed}`);
    const isOut = !this.#isHealed && random.next() < this.#outages;
    const hangs = random.next() < 0.5;
    const ms = 0.1 + 2 * this.#random.next();
    return new Promise((resolve, reject) => {
      if (isOut && hangs) return;
      this.#world.later(ms, () => (isOut ? reject(new Error('no answer')) : resolve()));
    });
  }
}
