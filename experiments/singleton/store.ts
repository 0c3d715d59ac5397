/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A store for leases with a clock of its own, which all nodes reach, also during a partition.

import type { Lease, LeaseRequest } from '../../src/ring/index.js';
import type { SeededRandom, SimulatedCluster } from '../../src/testing/index.js';

/** How long a call takes, in milliseconds. */
const latency = { min: 1, max: 20 };

/** One lease. */
export class LeaseStore implements Lease {
  readonly #cluster: SimulatedCluster;
  readonly #random: SeededRandom;
  #holder: string | undefined;
  #expiresAt = 0;

  constructor(cluster: SimulatedCluster, random: SeededRandom) {
    this.#cluster = cluster;
    this.#random = random;
  }

  async acquire({ holder, ttl }: LeaseRequest): Promise<boolean> {
    await this.#pass();
    const isFree = this.#holder === undefined || this.#cluster.now >= this.#expiresAt;
    const isOurs = isFree || this.#holder === holder;
    if (isOurs) this.#extend(holder, ttl);
    await this.#pass();
    return isOurs;
  }

  async renew({ holder, ttl }: LeaseRequest): Promise<boolean> {
    await this.#pass();
    const isOurs = this.#holder === holder && this.#cluster.now < this.#expiresAt;
    if (isOurs) this.#extend(holder, ttl);
    await this.#pass();
    return isOurs;
  }

  async release({ holder }: LeaseRequest): Promise<void> {
    await this.#pass();
    if (this.#holder === holder) this.#holder = undefined;
  }

  #extend(holder: string, ttl: number): void {
    this.#holder = holder;
    this.#expiresAt = this.#cluster.now + ttl;
  }

  /** Half of a call. */
  #pass(): Promise<void> {
    const ms = (latency.min + (latency.max - latency.min) * this.#random.next()) / 2;
    return new Promise((resolve) => this.#cluster.clock.setTimer(ms, resolve));
  }
}
