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

interface Waiting {
  readonly resume: () => void;
  readonly reject: (reason: Error) => void;
}

/** Runs the long work of one node. */
export class Pacer {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  /** Work of `runAlone` that waits for earlier work of `runAlone`. */
  readonly #queue: Waiting[] = [];
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
    if (this.#turn !== undefined) await this.#nextTurn(signal);
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      await this.#nextTurn(signal);
    }
  }

  /**
   * Like {@link run}, but only after all earlier work of this method has finished. For work that needs much memory:
   * interleaved, all of it would need memory at the same time, and none would finish sooner.
   */
  async runAlone<T>(work: Sliced<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isBusy) await wait(this.#queue, signal);
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
    for (const { reject } of this.#waiting.splice(0)) reject(stoppedError());
  }

  #nextTurn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isStopped) return Promise.reject(stoppedError());
    this.#turn ??= this.#clock.afterTurn(() => this.#resumeNext());
    return wait(this.#waiting, signal);
  }

  #resumeNext(): void {
    const next = this.#waiting.shift();
    const hasMore = this.#waiting.length > 0;
    this.#turn = hasMore ? this.#clock.afterTurn(() => this.#resumeNext()) : undefined;
    next?.resume();
  }
}

/** Waits in the queue until it is resumed. When the signal is aborted, leaves the queue and rejects. */
function wait(queue: Waiting[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopListening = (): void => signal?.removeEventListener('abort', abort);
    const waiting: Waiting = {
      resume: () => {
        stopListening();
        resolve();
      },
      reject: (reason) => {
        stopListening();
        reject(reason);
      },
    };
    const abort = (): void => {
      queue.splice(queue.indexOf(waiting), 1);
      waiting.reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    queue.push(waiting);
  });
}

function stoppedError(): ShutdownError {
  return new ShutdownError('an exchange');
}
