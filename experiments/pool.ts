/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Distributes tasks over the cores: each worker takes one, returns its result and takes the next.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** The progress of all tasks. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
}

/** The tasks, and how they are executed. */
export interface PoolInit<Task, Result> {
  readonly tasks: readonly Task[];
  /** The module that the workers run: it calls `serve`. */
  readonly worker: URL;
  /** The number of workers; default: the number of cores. */
  readonly jobs?: number | undefined;
  readonly done: (result: Result, progress: Progress) => void;
  /** Whether another task may begin; default: always. */
  readonly mayStart?: (() => boolean) | undefined;
}

/** Executes all tasks. @throws the first error of a task, after stopping the other workers */
export async function runAll<Task, Result>(init: PoolInit<Task, Result>): Promise<void> {
  const { tasks, worker: url, jobs = availableParallelism(), done, mayStart } = init;
  const waiting = [...tasks];
  const startedAt = performance.now();
  let finished = 0;
  const workers: Worker[] = [];
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      // Simulations create much short-lived garbage: with a larger young generation they take a tenth less time.
      const worker = new Worker(url, { resourceLimits: { maxYoungGenerationSizeMb: 192 } });
      workers.push(worker);
      const next = (): void => {
        const task = mayStart?.() === false ? undefined : waiting.shift();
        if (task === undefined) {
          void worker.terminate();
          resolve();
        } else worker.postMessage(task);
      };
      worker.on('message', (result: Result) => {
        const elapsedMs = performance.now() - startedAt;
        done(result, { done: ++finished, total: tasks.length, elapsedMs });
        next();
      });
      worker.on('error', reject);
      next();
    });
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, tasks.length) }, work));
  } finally {
    for (const worker of workers) void worker.terminate();
  }
}

/** The progress as text. */
export function progressText({ done, total, elapsedMs }: Progress, what: string): string {
  const left = ((elapsedMs / done) * (total - done)) / 60_000;
  const share = ((100 * done) / total).toFixed(1);
  return `${done}/${total} (${share} %), ${left.toFixed(0)} min left: ${what}`;
}
