/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Publishing: at a rate, or as fast as the subscribers receive.

import { setTimeout as wait } from 'node:timers/promises';
import { percentile } from '../statistics.js';
import { nowMs, stamped } from './payload.js';
import type { Progress } from './progress.js';
import type { BusClient } from './systems/client.js';
import type { Paced, PacedTask, Saturated, SaturateTask } from './tasks.js';

/** How long after a rejection a message is published again, and how often. */
const againMs = 1;
const mostTries = 2_000;
/** In one turn of the event loop, at saturation. */
const mostPerTurn = 64;
/** A subscriber without progress for so long has lost what was on its way; only where losses are normal. */
const lostMs = 50;
const stalledMs = 5_000;

/**
 * Publishes at a rate. Timers have a resolution of a millisecond, so at high rates messages that are due in the same
 * millisecond are published in one turn of the event loop. Waiting in a loop would be more precise, but would take a
 * processor from the other processes.
 */
export async function publishPaced(client: BusClient, task: PacedTask): Promise<Paced> {
  const { series, count, perSecond } = task;
  const everyMs = 1000 / perSecond;
  const lateness: number[] = [];
  const publications = new Publications(client);
  const start = nowMs() + everyMs;
  for (let number = 0; number < count;) {
    for (; number < count; number++) {
      const late = nowMs() - (start + number * everyMs);
      if (late < 0) break;
      lateness.push(late);
      publications.publish(series, number);
    }
    if (number < count) await wait(Math.floor(start + number * everyMs - nowMs()));
  }
  await publications.settled();
  return {
    lateness: { median: percentile(lateness, 50), p99: percentile(lateness, 99) },
    rejected: publications.rejected,
  };
}

/** Publishes as fast as the slowest subscriber receives, with a bounded number of messages on their way. */
export async function publishSaturated(
  client: BusClient,
  progress: Progress,
  task: SaturateTask,
): Promise<Saturated> {
  const { series, window, rampMs, measureMs, lossy } = task;
  const publications = new Publications(client);
  let published = 0;
  // What every subscriber has passed, or has lost.
  let passed = 0;
  const publishUntil = async (endAt: number): Promise<void> => {
    let progressAt = nowMs();
    while (nowMs() < endAt) {
      if (progress.least > passed) {
        passed = progress.least;
        progressAt = nowMs();
      }
      const room = Math.min(window - (published - passed), mostPerTurn);
      for (let i = 0; i < room; i++) publications.publish(series, published++);
      if (room > 0) {
        await nextTurn();
      } else if (!(await progress.change(lossy ? lostMs : 100))) {
        if (lossy) passed = published;
        else if (nowMs() - progressAt > stalledMs) throw new Error(stalled(published, passed));
      }
    }
  };
  await publishUntil(nowMs() + rampMs);
  const [startedAt, before, cpuBefore] = [nowMs(), progress.least, process.cpuUsage()];
  await publishUntil(startedAt + measureMs);
  const { user, system } = process.cpuUsage(cpuBefore);
  const [measuredMs, received] = [nowMs() - startedAt, progress.least - before];
  await publications.settled();
  const { rejected } = publications;
  return { received, measuredMs, published, rejected, cpuNs: (user + system) * 1000 };
}

function stalled(published: number, passed: number): string {
  return `no progress for ${stalledMs} ms: ${published} messages published, ${passed} received by all`;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Calls `publish`, and once more when it rejects because its queue is full. */
class Publications {
  rejected = 0;
  readonly #client: BusClient;
  #open = 0;
  #error: unknown;
  #idle: (() => void) | undefined;

  constructor(client: BusClient) {
    this.#client = client;
  }

  publish(series: number, number: number): void {
    const handed = this.#client.publish(stamped(series, number));
    if (handed === undefined) return;
    this.#open++;
    void this.#finish(handed, series, number);
  }

  /** @throws the first error */
  async settled(): Promise<void> {
    while (this.#open > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    if (this.#error !== undefined) throw this.#error as Error;
  }

  async #finish(handed: Promise<unknown>, series: number, number: number): Promise<void> {
    try {
      for (let tries = 1; ; tries++) {
        try {
          await handed;
          break;
        } catch (error) {
          if (tries === mostTries || this.#client.isFull?.(error) !== true) throw error;
        }
        this.rejected++;
        await wait(againMs);
        handed = this.#client.publish(stamped(series, number)) ?? Promise.resolve();
      }
    } catch (error) {
      this.#error ??= error;
    }
    if (--this.#open === 0) this.#idle?.();
  }
}
