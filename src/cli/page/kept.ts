/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What is made once for all who ask: a body, until something changes. Making it is paced, so that a cluster
// that changes all the time, or somebody who asks all the time, costs a share of the process and no more.
import type { Clock } from '../../core/ports.js';
import { pageLimits } from './limits.js';

/** A turn of the event loop for others: packets, timers. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Something that is made when it is asked for, and kept. */
export class Kept<T> {
  readonly #clock: Clock;
  readonly #make: () => Promise<T>;
  readonly #maxAgeMs: () => number;
  readonly #isSame: () => boolean;
  #made: { readonly value: T; at: number; readonly tookMs: number } | undefined;
  #making: Promise<T> | undefined;
  #isStale = false;

  /**
   * @param init.maxAgeMs - after so long it is made again even if nothing is known to have changed
   * @param init.isSame - asked when it is that old: whether it need not be made again, because what it is made
   *   of is the same. Cheap compared with making it. Default: never the same
   */
  constructor(
    components: { clock: Clock },
    init: { make: () => Promise<T>; maxAgeMs: () => number; isSame?: () => boolean },
  ) {
    this.#clock = components.clock;
    this.#make = init.make;
    this.#maxAgeMs = init.maxAgeMs;
    this.#isSame = init.isSame ?? (() => false);
  }

  /** Something changed. */
  changed(): void {
    this.#isStale = true;
  }

  /** What was made after the last change; older only during the pause after it was made. */
  async get(): Promise<T> {
    const current = this.#current();
    if (current !== undefined) return current.value;
    if (this.#making !== undefined) {
      // It may have been begun before the last change; then it is made once more, for all who wait.
      await this.#making;
      return this.get();
    }
    this.#making = this.#makeNow();
    try {
      return await this.#making;
    } finally {
      this.#making = undefined;
    }
  }

  #current(): { readonly value: T } | undefined {
    const made = this.#made;
    if (made === undefined) return undefined;
    const age = this.#clock.now() - made.at;
    if (age < made.tookMs * pageLimits.pauseFactor) return made;
    if (this.#isStale) return undefined;
    if (age < this.#maxAgeMs()) return made;
    if (!this.#isSame()) return undefined;
    made.at = this.#clock.now();
    return made;
  }

  async #makeNow(): Promise<T> {
    const startedAt = this.#clock.now();
    this.#isStale = false;
    const value = await this.#make();
    const at = this.#clock.now();
    this.#made = { value, at, tookMs: at - startedAt };
    return value;
  }
}

/** Does some work in each turn of the event loop, and the rest in the next ones. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Does it in a turn of its own, after what waits already. */
  take(work: () => void): void {
    this.#waiting.push(work);
    if (!this.#isRunning) setImmediate(() => this.#turn());
    this.#isRunning = true;
  }

  #turn(): void {
    for (const work of this.#waiting.splice(0, pageLimits.answersATurn)) work();
    this.#isRunning = this.#waiting.length > 0;
    if (this.#isRunning) setImmediate(() => this.#turn());
  }
}
