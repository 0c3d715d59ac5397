/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which members are there, and when the map of a member that left or failed is dropped.
import type { Clock, Timer } from '../index.js';

/** What follows the members. */
export interface DeparturesParts {
  readonly clock: Clock;
  readonly drop: (name: string) => void;
}

/** Members that left or failed, whose maps are still kept. */
export class Departures {
  readonly #parts: DeparturesParts;
  readonly #keepMs: number;
  readonly #timers = new Map<string, Timer>();

  constructor(parts: DeparturesParts, init: { keepMs: number }) {
    this.#parts = parts;
    this.#keepMs = init.keepMs;
  }

  /** A member left or failed. */
  gone(name: string): void {
    this.returned(name);
    if (this.#keepMs === 0) return this.#parts.drop(name);
    const timer = this.#parts.clock.setTimer(this.#keepMs, () => {
      this.#timers.delete(name);
      this.#parts.drop(name);
    });
    this.#timers.set(name, timer);
  }

  /** A member is there again. */
  returned(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }
}
