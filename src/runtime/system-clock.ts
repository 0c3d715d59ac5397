/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock, Timer } from '../core/ports.js';

/** The longest delay that `setTimeout` takes, in milliseconds; it makes 1 ms of anything longer. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * The event loop counts whole milliseconds from the beginning of its turn, so it is early by up to one, or by more
 * in a long turn. Asked for one more it seldom is, and wakes up once for a timer and not twice.
 */
const mayBeEarlyByMs = 1;

/** Milliseconds. What `performance.now()` tells as well; but that looks at what it is called on first, each time. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/**
 * The system's monotonic clock: `process.hrtime()`, `setTimeout`, `setImmediate`.
 *
 * Timers do not keep the process alive (a listening socket does, until it is closed); a pending
 * `afterTurn` keeps it for that one turn. A delay that is negative or NaN counts as 0; any length
 * is kept, also beyond what `setTimeout` takes.
 *
 * `afterTurn` is `setImmediate`: asked for by a timer it comes after the sockets were read once;
 * asked for by another `afterTurn` it comes after they were read once more.
 */
export const systemClock: Clock = {
  now,

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
    const wholeMs = Math.min(Math.ceil(delayMs) + mayBeEarlyByMs, longestDelayMs);
    return setTimeout(() => this.#fire(), wholeMs).unref();
  }

  /** We promise not to be early. */
  #fire(): void {
    const early = this.#dueAt - now();
    if (early > 0) this.#timeout = this.#arm(early);
    else this.#callback();
  }
}
