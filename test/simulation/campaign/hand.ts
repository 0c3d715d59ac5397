/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Plays scenarios in a thread of its own, so that one that never ends, or throws where nobody catches
// it, is a failure like others and not the end of the campaign.

import { Worker } from 'node:worker_threads';
import { failureOf, type Verdict } from './judge.js';
import type { Scenario } from './scenario.js';

/** A thread that plays one scenario after the other. */
export class Hand {
  readonly #module: URL;
  readonly #limitMs: number;
  #worker: Worker | undefined;
  #finish: (verdict: Verdict) => void = () => undefined;

  /**
   * @param init.module - what the thread runs
   * @param init.limitMs - real time for one scenario
   */
  constructor(init: { module: URL; limitMs: number }) {
    this.#module = init.module;
    this.#limitMs = init.limitMs;
  }

  /** Plays a scenario, one at a time. Never rejects. */
  async play(scenario: Scenario): Promise<Verdict> {
    const worker = (this.#worker ??= this.#start());
    const verdict = await new Promise<Verdict>((resolve) => {
      const seconds = Math.round(this.#limitMs / 1_000);
      const text = `it did not end in ${seconds} s of real time`;
      const timer = setTimeout(() => {
        resolve({ failure: { rule: 'a scenario ends', text } });
      }, this.#limitMs);
      this.#finish = (result) => {
        clearTimeout(timer);
        resolve(result);
      };
      worker.postMessage(scenario);
    });
    // After an error that nobody caught, or in the midst of a scenario, it is of no more use.
    if ('failure' in verdict) await this.end();
    return verdict;
  }

  /** Ends the thread. It may be used again. */
  async end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    // Simulations make much that is soon garbage: with more room for it they take a tenth less time.
    const worker = new Worker(this.#module, { resourceLimits: { maxYoungGenerationSizeMb: 192 } });
    worker.on('message', (verdict: Verdict) => this.#finish(verdict));
    worker.on('error', (error) => this.#finish({ failure: uncaught(error) }));
    worker.on('exit', (code) =>
      this.#finish({ failure: uncaught(new Error(`it ended, ${code}`)) }),
    );
    return worker;
  }
}

function uncaught(error: unknown): { rule: string; text: string } {
  return { rule: 'nothing is thrown where nobody catches it', text: failureOf(error).text };
}

/** Does things with several hands: each takes the next thing when it is free. */
export async function share<T>(
  things: Iterable<T>,
  hands: number,
  work: (thing: T, hand: number) => Promise<void>,
): Promise<void> {
  const waiting = things[Symbol.iterator]();
  const one = async (hand: number): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      await work(next.value, hand);
    }
  };
  await Promise.all(Array.from({ length: hands }, (_, hand) => one(hand)));
}
