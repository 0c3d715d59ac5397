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
  readonly giveUp: (reason: Error) => void;
}

/** Runs the long work of one node. */
export class Pacer {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  /** Work that waits until the large work before it is done. */
  readonly #queue: Waiting[] = [];
  #isOccupied = false;
  #turn: Timer | undefined;
  #isStopped = false;

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /**
   * Does the work: its first slice now, unless there is other work that is not done; the others in
   * turns of their own. Short work has but one slice and waits for nothing.
   *
   * @param signal - when it is aborted, the work is dropped at once, wherever it stands
   * @throws ShutdownError once the pacer was stopped; the signal's reason; whatever the work throws
   */
  async run<T>(work: Sliced<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isStopped) throw goneError();
    if (signal?.aborted === true) throw signal.reason;
    if (this.#turn !== undefined) await this.#nextTurn(signal);
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      await this.#nextTurn(signal);
    }
  }

  /**
   * {@link run}, after all other work that was begun in this way is done. It is for work that needs much memory
   * while it is done: interleaved, all of it would need that memory at once, and none would be done sooner.
   */
  async runAlone<T>(work: Sliced<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isOccupied) await wait(this.#queue, signal);
    this.#isOccupied = true;
    try {
      return await this.run(work, signal);
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#isOccupied = false;
      else next.goOn();
    }
  }

  /** Leaves all work as it is: nothing of it is done any more, and no turn is waited for. */
  stop(): void {
    this.#isStopped = true;
    this.#turn?.cancel();
    this.#turn = undefined;
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(goneError());
  }

  #nextTurn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isStopped) return Promise.reject(goneError());
    this.#turn ??= this.#clock.afterTurn(() => this.#goOn());
    return wait(this.#waiting, signal);
  }

  #goOn(): void {
    const next = this.#waiting.shift();
    this.#turn = this.#waiting.length > 0 ? this.#clock.afterTurn(() => this.#goOn()) : undefined;
    next?.goOn();
  }
}

/** Waits in the queue until told to go on; rejects, and is no longer in it, when the signal is aborted. */
function wait(queue: Waiting[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = (): void => signal?.removeEventListener('abort', abort);
    const waiting: Waiting = {
      goOn: () => {
        forget();
        resolve();
      },
      giveUp: (reason) => {
        forget();
        reject(reason);
      },
    };
    const abort = (): void => {
      queue.splice(queue.indexOf(waiting), 1);
      waiting.giveUp(signal?.reason as Error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    queue.push(waiting);
  });
}

function goneError(): ShutdownError {
  return new ShutdownError('an exchange');
}
