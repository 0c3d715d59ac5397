/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Maps that this node has asked a peer for a moment ago. It asks no other peer for them meanwhile: each would send the same.
import type { Clock } from '../index.js';

/** Maps by the time until which they are not asked for again. */
export class Asked {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a map was asked for a moment ago. */
  has(name: string): boolean {
    const until = this.#until.get(name);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#until.delete(name);
    return false;
  }

  /** A map is asked for now. */
  add(name: string, ms: number): void {
    this.#until.set(name, this.#clock.now() + ms);
  }

  /** Changes of a map have arrived, or its node is gone. */
  delete(name: string): void {
    this.#until.delete(name);
  }
}
