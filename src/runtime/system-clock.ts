/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock, Timer } from '../core/ports.js';

/** The longest delay that `setTimeout` supports, in milliseconds; it treats anything longer as 1 ms. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * The event loop counts whole milliseconds from the start of its turn, so a timer may fire up to 1 ms early, or more
 * in a long turn. With one additional millisecond it is rarely early, so a timer wakes the process up once and not
 * twice.
 */
const timerSlackMs = 1;

/** Milliseconds. The same value as `performance.now()`, but faster: that method checks its receiver at each call. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/**
 * The system's monotonic clock: `process.hrtime()`, `setTimeout`, `setImmediate`.
 *
 * Timers do not keep the process alive (a listening socket does, until it is closed); a pending
 * `afterTurn` keeps it alive for that turn. A negative delay or NaN counts as 0. Any delay is
 * supported, also beyond the maximum of `setTimeout`.
 *
 * `afterTurn` is `setImmediate`: called from a timer, it runs after the sockets were read once;
 * called from another `afterTurn`, it runs after they were read once more.
 */
export const systemClock: Clock = {
  now,

  wallNow: () => Date.now(),

  setTimer: (delayMs, callback) => new SystemTimer(delayMs, callback),

  afterTurn(callback) {
    const immediate = setImmediate(callback);
    return { cancel: () => clearImmediate(immediate) };
  },
};

class SystemTimer implements Timer {
  readonly #dueAt: number;
  readonly #callback: () => void;
  #timeout: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    const delay = delayMs > 0 ? delayMs : 0;
    this.#dueAt = now() + delay;
    this.#callback = callback;
    this.#timeout = this.#arm(delay);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  #arm(delayMs: number): NodeJS.Timeout {
    const wholeMs = Math.min(Math.ceil(delayMs) + timerSlackMs, longestDelayMs);
    return setTimeout(() => this.#fire(), wholeMs).unref();
  }

  /** The contract of {@link Clock}: a timer is never early. */
  #fire(): void {
    const early = this.#dueAt - now();
    if (early > 0) this.#timeout = this.#arm(early);
    else this.#callback();
  }
}
