/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A gate in front of what a node sends or receives. While shut it queues actions. When opened it runs them in
// order, each in its own event, and actions that arrive meanwhile after them.

import type { Clock } from '../core/ports.js';

/** Delays actions, and preserves their order. */
export class Gate {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #isShut = false;

  /** @param clock - a clock that continues while the gate is shut */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether an action would run immediately; then `pass` need not be called. */
  get isClear(): boolean {
    return !this.#isShut && this.#waiting.length === 0;
  }

  /** The number of waiting actions. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs an action now, or in its turn when the gate is open. */
  pass(action: () => void): void {
    if (this.isClear) {
      action();
      return;
    }
    this.#waiting.push(action);
    if (!this.#isShut) this.#runNext();
  }

  shut(): void {
    this.#isShut = true;
  }

  open(): void {
    if (!this.#isShut) return;
    this.#isShut = false;
    // All in one phase, before any of their effects, as sockets are read in one phase.
    this.#waiting.forEach(() => this.#runNext());
  }

  /** Discards waiting actions, and opens. */
  discard(): void {
    this.#waiting = [];
    this.#isShut = false;
  }

  #runNext(): void {
    this.#clock.afterTurn(() => {
      if (!this.#isShut) this.#waiting.shift()?.();
    });
  }
}
