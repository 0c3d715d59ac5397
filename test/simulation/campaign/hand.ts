/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Plays scenarios in a worker thread, so that a scenario that never ends, or an uncaught exception, is a failure like
// any other and does not end the campaign.

import { availableParallelism, loadavg } from 'node:os';
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
   * @param init.limitMs - real time for one scenario on an idle machine
   */
  constructor(init: { module: URL; limitMs: number }) {
    this.#module = init.module;
    this.#limitMs = init.limitMs;
  }

  /** Plays a scenario, one at a time. Never rejects. */
  async play(scenario: Scenario): Promise<Verdict> {
    const worker = (this.#worker ??= this.#start());
    const verdict = await new Promise<Verdict>((resolve) => {
      const limitMs = this.#limitMs * slowdown();
      const seconds = Math.round(limitMs / 1_000);
      const text = `it did not end in ${seconds} s of real time`;
      const timer = setTimeout(() => {
        resolve({ failure: { rule: 'a scenario ends', text } });
      }, limitMs);
      this.#finish = (result) => {
        clearTimeout(timer);
        resolve(result);
      };
      worker.postMessage(scenario);
    });
    // After an uncaught exception, or in the middle of a scenario, the thread cannot be used again.
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
    // Simulations create much short-lived garbage: a larger young generation saves a tenth of the time.
    const worker = new Worker(this.#module, { resourceLimits: { maxYoungGenerationSizeMb: 192 } });
    worker.on('message', (verdict: Verdict) => this.#finish(verdict));
    worker.on('error', (error) => this.#finish({ failure: uncaught(error) }));
    worker.on('exit', (code) =>
      this.#finish({ failure: uncaught(new Error(`it ended, ${code}`)) }),
    );
    return worker;
  }
}

/** How much longer everything takes while other programs use the machine too: 1 or more. */
function slowdown(): number {
  const [load = 0] = loadavg();
  return Math.max(1, load / availableParallelism());
}

function uncaught(error: unknown): { rule: string; text: string } {
  return { rule: 'no exception is unhandled', text: failureOf(error).text };
}

/** Distributes work over several workers: each takes the next item when it is free. */
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
