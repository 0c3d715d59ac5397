/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The answers to one request, as the application iterates over them.
import type { BusAnswer } from './bus.js';
import type { RawAnswer } from './requests.js';

type Result<Answer> = IteratorResult<BusAnswer<Answer>>;

/** Answers, in the order of their arrival. */
export class AnswerIterator<Answer> implements AsyncIterableIterator<BusAnswer<Answer>> {
  readonly #decode: (answer: RawAnswer) => BusAnswer<Answer> | undefined;
  readonly #ready: BusAnswer<Answer>[] = [];
  readonly #waiting: ((result: Result<Answer>) => void)[] = [];
  #cancel: (() => void) | undefined;
  #isEnded = false;

  /** @param decode - undefined for an answer to be left out */
  constructor(decode: (answer: RawAnswer) => BusAnswer<Answer> | undefined) {
    this.#decode = decode;
  }

  /**
   * Sends the request.
   *
   * @param ask - returns a function that cancels it
   * @param signal - cancels it
   */
  start(
    ask: (on: { answered: (answer: RawAnswer) => void; ended: () => void }) => () => void,
    signal: AbortSignal | undefined,
  ): void {
    const abort = (): void => this.#cancel?.();
    this.#cancel = ask({
      answered: (raw) => {
        const answer = this.#decode(raw);
        if (answer === undefined) return;
        const next = this.#waiting.shift();
        if (next !== undefined) next({ done: false, value: answer });
        else this.#ready.push(answer);
      },
      ended: () => {
        signal?.removeEventListener('abort', abort);
        this.#isEnded = true;
        for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
      },
    });
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
  }

  next(): Promise<Result<Answer>> {
    const value = this.#ready.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<Result<Answer>> {
    this.#ready.length = 0;
    this.#cancel?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
