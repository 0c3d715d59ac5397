/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Values that are created once for all requests, until something changes. Creation is rate-limited, so that a
// cluster that changes constantly, or a client that polls constantly, costs a bounded share of the process.
import type { Clock } from '../../core/ports.js';
import { pageLimits } from './limits.js';

/** Lets the event loop handle other work: packets, timers. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A value that is created on request, and cached. */
export class Cached<T> {
  readonly #clock: Clock;
  readonly #create: () => Promise<T>;
  readonly #maxAgeMs: () => number;
  readonly #isSame: () => boolean;
  #cached: { readonly value: T; at: number; readonly tookMs: number } | undefined;
  #pending: Promise<T> | undefined;
  #isStale = false;

  /**
   * @param init.maxAgeMs - at this age the value is created again even without a known change
   * @param init.isSame - called at that age: whether the value is still valid because its inputs are the same.
   *   Much cheaper than creating the value. Default: never the same
   */
  constructor(
    components: { clock: Clock },
    init: { create: () => Promise<T>; maxAgeMs: () => number; isSame?: () => boolean },
  ) {
    this.#clock = components.clock;
    this.#create = init.create;
    this.#maxAgeMs = init.maxAgeMs;
    this.#isSame = init.isSame ?? (() => false);
  }

  /** Marks the value as stale. */
  invalidate(): void {
    this.#isStale = true;
  }

  /** A value created after the last change; an older one only during the pause after its creation. */
  async get(): Promise<T> {
    const current = this.#current();
    if (current !== undefined) return current.value;
    if (this.#pending !== undefined) {
      // Its creation may have started before the last change; then it is created once more, for all that wait.
      await this.#pending;
      return this.get();
    }
    this.#pending = this.#createNow();
    try {
      return await this.#pending;
    } finally {
      this.#pending = undefined;
    }
  }

  #current(): { readonly value: T } | undefined {
    const cached = this.#cached;
    if (cached === undefined) return undefined;
    const age = this.#clock.now() - cached.at;
    if (age < cached.tookMs * pageLimits.pauseFactor) return cached;
    if (this.#isStale) return undefined;
    if (age < this.#maxAgeMs()) return cached;
    if (!this.#isSame()) return undefined;
    cached.at = this.#clock.now();
    return cached;
  }

  async #createNow(): Promise<T> {
    const startedAt = this.#clock.now();
    this.#isStale = false;
    const value = await this.#create();
    const at = this.#clock.now();
    this.#cached = { value, at, tookMs: at - startedAt };
    return value;
  }
}

/** Runs a few tasks in each turn of the event loop, and the rest in the next turns. */
export class TurnQueue {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;

  /** The number of waiting tasks. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Runs a task in a later turn, after the tasks that wait already. */
  add(task: () => void): void {
    this.#waiting.push(task);
    if (!this.#isRunning) setImmediate(() => this.#turn());
    this.#isRunning = true;
  }

  #turn(): void {
    for (const task of this.#waiting.splice(0, pageLimits.responsesPerTurn)) task();
    this.#isRunning = this.#waiting.length > 0;
    if (this.#isRunning) setImmediate(() => this.#turn());
  }
}
