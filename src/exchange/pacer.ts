/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Long work between the turns of the event loop: a slice of it a turn, of all the work that waits one
// after the other, so that pings are answered in between however many peers exchange state with us.
import type { Clock, Timer } from '../core/ports.js';
import { ShutdownError } from '../errors.js';
import type { Sliced } from '../wire/sliced.js';

interface Waiting {
  readonly goOn: () => void;
  readonly giveUp: (reason: ShutdownError) => void;
}

/** Runs the long work of one node. */
export class Pacer {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #turn: Timer | undefined;
  #isStopped = false;

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /**
   * Does the work: its first slice now, unless there is other work that is not done; the others in
   * turns of their own. Short work has but one slice and waits for nothing.
   *
   * @throws ShutdownError once the pacer was stopped; whatever the work throws
   */
  async run<T>(work: Sliced<T>): Promise<T> {
    if (this.#isStopped) throw goneError();
    if (this.#turn !== undefined) await this.#nextTurn();
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      await this.#nextTurn();
    }
  }

  /** Leaves all work as it is: nothing of it is done any more, and no turn is waited for. */
  stop(): void {
    this.#isStopped = true;
    this.#turn?.cancel();
    this.#turn = undefined;
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(goneError());
  }

  #nextTurn(): Promise<void> {
    if (this.#isStopped) return Promise.reject(goneError());
    return new Promise((goOn, giveUp) => {
      this.#waiting.push({ goOn, giveUp });
      this.#turn ??= this.#clock.afterTurn(() => this.#goOn());
    });
  }

  #goOn(): void {
    const next = this.#waiting.shift();
    this.#turn = this.#waiting.length > 0 ? this.#clock.afterTurn(() => this.#goOn()) : undefined;
    next?.goOn();
  }
}

function goneError(): ShutdownError {
  return new ShutdownError('an exchange');
}
