/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cache that is invalidated on all replicas: whoever changes a value publishes its key.
import type { Bus } from 'node-memberlist/bus';

const TOPIC = 'stale';

export class Cache<Value> {
  readonly #values = new Map<string, Value>();
  readonly #bus: Bus;
  readonly #load: (key: string) => Promise<Value>;

  constructor(bus: Bus, load: (key: string) => Promise<Value>) {
    this.#bus = bus;
    this.#load = load;
    bus.subscribe(TOPIC, ({ payload }) => void this.#values.delete(payload.toString()));
    // Some invalidations are lost for good: nothing in the cache can be trusted.
    bus.on('gap', () => this.#values.clear());
  }

  async get(key: string): Promise<Value> {
    const cached = this.#values.get(key);
    if (cached !== undefined) return cached;
    const value = await this.#load(key);
    this.#values.set(key, value);
    return value;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** Call it after the value was changed in the database. This cache drops it as well. */
  async invalidate(key: string): Promise<void> {
    await this.#bus.publish(TOPIC, Buffer.from(key));
  }
}
