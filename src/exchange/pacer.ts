/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Splits long work over turns of the event loop: one slice per turn, of all pending work in turn. Pings are answered in
// between, however many peers exchange state with this node.
import type { Clock, Timer } from '../core/ports.js';
import { ShutdownError } from '../errors.js';
import type { Sliced } from '../wire/sliced.js';

/** Runs the long work of one node. */
export class Pacer {
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];
  /** Work of `runAlone` that waits for earlier work of `runAlone`. */
  readonly #queue: Waiter[] = [];
  #isBusy = false;
  #turn: Timer | undefined;
  #isStopped = false;

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /**
   * Runs the work: its first slice immediately, unless other work is pending; each further slice in a
   * later turn. Short work has one slice and does not wait.
   *
   * @param signal - when it is aborted, the work is dropped at once
   * @throws ShutdownError after the pacer was stopped; the signal's reason; any error of the work
   */
  async run<T>(work: Sliced<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isStopped) throw stoppedError();
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
   * Like {@link run}, but only after all earlier work of this method has finished. For work that needs much memory:
   * interleaved, all of it would need memory at the same time, and none would finish sooner.
   */
  async runAlone<T>(work: Sliced<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isBusy) await waitOnce(this.#queue, signal);
    this.#isBusy = true;
    try {
      return await this.run(work, signal);
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#isBusy = false;
      else next.resume();
    }
  }

  /** Stops all work where it is, and cancels the pending turn. */
  stop(): void {
    this.#isStopped = true;
    this.#turn?.cancel();
    this.#turn = undefined;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(stoppedError());
  }

  #nextTurn(waiter: Waiter): Promise<void> {
    if (this.#isStopped) return Promise.reject(stoppedError());
    this.#turn ??= this.#clock.afterTurn(() => this.#resumeNext());
    return waiter.wait(this.#waiting);
  }

  #resumeNext(): void {
    const next = this.#waiting.shift();
    const hasMore = this.#waiting.length > 0;
    this.#turn = hasMore ? this.#clock.afterTurn(() => this.#resumeNext()) : undefined;
    next?.resume();
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

  /** Waits in the queue until it is resumed. When the signal is aborted, leaves the queue and rejects. */
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

  resume(): void {
    this.#queue = undefined;
    this.#resolve();
  }

  reject(reason: Error): void {
    this.#queue = undefined;
    this.#reject(reason);
  }

  /** Stops listening to the signal. */
  end(): void {
    if (this.#isListening) this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  #listen(): void {
    if (this.#signal === undefined || this.#isListening) return;
    this.#isListening = true;
    this.#signal.addEventListener('abort', this.#onAbort);
  }

  // Between two waits nothing is rejected: the next wait sees that the signal is aborted.
  readonly #onAbort = (): void => {
    if (this.#queue === undefined) return;
    this.#queue.splice(this.#queue.indexOf(this), 1);
    this.reject(this.#signal?.reason as Error);
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

function stoppedError(): ShutdownError {
  return new ShutdownError('an exchange');
}
