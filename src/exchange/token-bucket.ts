/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock } from '../core/ports.js';

/** A token bucket: allows a burst of events, then one event for each refill interval. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #size: number;
  readonly #refillMs: number;
  #left: number;
  #countedAt: number;

  /**
   * @param init.size - the maximum burst
   * @param init.refillMs - milliseconds until one more token is available
   */
  constructor(components: { clock: Clock }, init: { size: number; refillMs: number }) {
    this.#clock = components.clock;
    this.#size = init.size;
    this.#refillMs = init.refillMs;
    this.#left = init.size;
    this.#countedAt = this.#clock.now();
  }

  /** Takes a token; returns false if none is available. */
  take(): boolean {
    const now = this.#clock.now();
    const earned = Math.floor((now - this.#countedAt) / this.#refillMs);
    if (earned > 0) {
      this.#left = Math.min(this.#size, this.#left + earned);
      this.#countedAt += earned * this.#refillMs;
    }
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
