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

/** Runs the long work of one node. */
export class Pacer {
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];
  /** Work that waits until the large work before it is done. */
  readonly #queue: Waiter[] = [];
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
    const waiter = new Waiter(signal);
    try {
      if (this.#turn !== undefined) await this.#nextTurn(waiter);
      for (;;) {
        const step = work.next();
        if (step.done === true) return step.value;
        await this.#nextTurn(waiter);
      }
    } finally {
      waiter.end();
    }
  }

  /**
   * {@link run}, after all other work that was begun in this way is done. It is for work that needs much memory
   * while it is done: interleaved, all of it would need that memory at once, and none would be done sooner.
   */
  async runAlone<T>(work: Sliced<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isOccupied) await waitOnce(this.#queue, signal);
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
    for (const waiter of this.#waiting.splice(0)) waiter.giveUp(goneError());
  }

  #nextTurn(waiter: Waiter): Promise<void> {
    if (this.#isStopped) return Promise.reject(goneError());
    this.#turn ??= this.#clock.afterTurn(() => this.#goOn());
    return waiter.wait(this.#waiting);
  }

  #goOn(): void {
    const next = this.#waiting.shift();
    this.#turn = this.#waiting.length > 0 ? this.#clock.afterTurn(() => this.#goOn()) : undefined;
    next?.goOn();
  }
}

/** One piece of work. It listens to its signal once, however many turns the work waits for. */
class Waiter {
  readonly #signal: AbortSignal | undefined;
  #isListening = false;
  #queue: Waiter[] | undefined;
  #resolve: () => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** Waits in the queue for {@link goOn}. Rejects, and leaves the queue, when the signal is aborted. */
  wait(queue: Waiter[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#signal?.aborted === true) {
        reject(this.#signal.reason as Error);
        return;
      }
      this.#resolve = resolve;
      this.#reject = reject;
      this.#queue = queue;
      queue.push(this);
      this.#listen();
    });
  }

  goOn(): void {
    this.#queue = undefined;
    this.#resolve();
  }

  giveUp(reason: Error): void {
    this.#queue = undefined;
    this.#reject(reason);
  }

  /** Stops listening to the signal. */
  end(): void {
    if (this.#isListening) this.#signal?.removeEventListener('abort', this.#aborted);
  }

  #listen(): void {
    if (this.#signal === undefined || this.#isListening) return;
    this.#isListening = true;
    this.#signal.addEventListener('abort', this.#aborted);
  }

  // Between two waits nothing is rejected: the next wait sees that the signal is aborted.
  readonly #aborted = (): void => {
    if (this.#queue === undefined) return;
    this.#queue.splice(this.#queue.indexOf(this), 1);
    this.giveUp(this.#signal?.reason as Error);
  };
}

async function waitOnce(queue: Waiter[], signal: AbortSignal | undefined): Promise<void> {
  const waiter = new Waiter(signal);
  try {
    await waiter.wait(queue);
  } finally {
    waiter.end();
  }
}

function goneError(): ShutdownError {
  return new ShutdownError('an exchange');
}
