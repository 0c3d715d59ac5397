/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Time, as both sides measure it: wall-clock time, and processor time of this process with all its threads.

import type { Timed } from '../protocol.js';

/** Sums the time of several pieces of work. */
export class Stopwatch {
  #wallNs = 0;
  #cpuNs = 0;
  #operations = 0;
  #startedAt = 0n;
  #cpuAtStart: NodeJS.CpuUsage = { user: 0, system: 0 };

  /** Milliseconds measured so far. */
  get measuredMs(): number {
    return this.#wallNs / 1e6;
  }

  get total(): Timed {
    return { wallNs: this.#wallNs, cpuNs: this.#cpuNs, operations: this.#operations };
  }

  start(): void {
    this.#cpuAtStart = process.cpuUsage();
    this.#startedAt = process.hrtime.bigint();
  }

  stop(operations: number): void {
    this.#wallNs += Number(process.hrtime.bigint() - this.#startedAt);
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    this.#cpuNs += (user + system) * 1000;
    this.#operations += operations;
  }
}

/** Runs batches of operations for at least `minMs` milliseconds, and times them all together. */
export function repeat(minMs: number, batch: number, work: () => void): Timed {
  const watch = new Stopwatch();
  collectGarbage();
  const endAt = performance.now() + minMs;
  let operations = 0;
  watch.start();
  do {
    work();
    operations += batch;
  } while (performance.now() < endAt);
  watch.stop(operations);
  return watch.total;
}

/** Earlier garbage must not slow down the next measurement. */
export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('node must be run with --expose-gc');
  globalThis.gc();
}
