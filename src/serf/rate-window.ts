/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A bound on how often something is done.
import type { Clock } from '../index.js';

const WINDOW_MS = 1_000;

/** Permits so many operations in each second. */
export class RateWindow {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #since = -Infinity;
  #count = 0;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Whether one more is permitted; it counts then. */
  take(): boolean {
    const now = this.#clock.now();
    if (now - this.#since >= WINDOW_MS) {
      this.#since = now;
      this.#count = 0;
    }
    if (this.#count >= this.#perSecond) return false;
    this.#count++;
    return true;
  }
}
