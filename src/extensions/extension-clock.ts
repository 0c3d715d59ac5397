/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The clock of one extension: its timers end with the node, and exceptions of their callbacks count as the extension's.
import type { Clock, Timer } from '../core/ports.js';

/** A clock whose timers can be canceled together. */
export class ExtensionClock implements Clock {
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  readonly #pending = new Set<Timer>();
  #isStopped = false;

  /** @param init.failed - called with what a callback threw */
  constructor(clock: Clock, init: { failed: (error: unknown) => void }) {
    this.#clock = clock;
    this.#failed = init.failed;
  }

  now(): number {
    return this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wallNow?.() ?? this.#clock.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return this.#track(callback, (fire) => this.#clock.setTimer(delayMs, fire));
  }

  afterTurn(callback: () => void): Timer {
    return this.#track(callback, (fire) => this.#clock.afterTurn(fire));
  }

  /** Cancels all timers; later ones never fire. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#pending) timer.cancel();
    this.#pending.clear();
  }

  #track(callback: () => void, start: (fire: () => void) => Timer): Timer {
    if (this.#isStopped) return { cancel: () => undefined };
    const inner = start(() => {
      this.#pending.delete(timer);
      try {
        callback();
      } catch (error) {
        this.#failed(error);
      }
    });
    const timer: Timer = {
      cancel: () => {
        this.#pending.delete(timer);
        inner.cancel();
      },
    };
    this.#pending.add(timer);
    return timer;
  }
}
