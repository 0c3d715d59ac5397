/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A gate in the way of what a node sends or receives. Shut, it holds what comes; opened, it lets that
// pass in its order, each in an event of its own, and what comes meanwhile after it.

import type { Clock } from '../core/ports.js';

/** Holds things up, and keeps their order. */
export class Gate {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #isShut = false;

  /** @param clock - one that runs on while the gate is shut */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether whoever comes now passes at once; `pass` need not be asked then. */
  get isClear(): boolean {
    return !this.#isShut && this.#waiting.length === 0;
  }

  /** How much waits. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does something now, or in its turn once the gate is open. */
  pass(action: () => void): void {
    if (this.isClear) {
      action();
      return;
    }
    this.#waiting.push(action);
    if (!this.#isShut) this.#letOnePass();
  }

  shut(): void {
    this.#isShut = true;
  }

  open(): void {
    if (!this.#isShut) return;
    this.#isShut = false;
    // All at once and before anything that they bring about, as sockets are read in one phase.
    this.#waiting.forEach(() => this.#letOnePass());
  }

  /** Forgets what waits, and stands open. */
  discard(): void {
    this.#waiting = [];
    this.#isShut = false;
  }

  #letOnePass(): void {
    this.#clock.afterTurn(() => {
      if (!this.#isShut) this.#waiting.shift()?.();
    });
  }
}
