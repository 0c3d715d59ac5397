/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A push/pull on the responder's side: it reads the other node's state, sends its own and merges.

import { readFileSync } from 'node:fs';
import { noBytes } from '../../src/wire/messages.js';
import { encodePushPull, wrapForStream } from '../../src/wire/stream-codec.js';
import type { Layers, PushPullResult, PushPullTask } from '../protocol.js';
import { collectGarbage, Stopwatch } from './stopwatch.js';
import { startLoadedTarget, type Target } from './target.js';
import { incarnationSum, recordsIn, streamLayers } from './unwrap.js';

export async function pushPull(task: PushPullTask): Promise<PushPullResult> {
  const request = readFileSync(task.request);
  const otherAnswer = otherAnswerTo(task);
  const watch = new Stopwatch();
  let answer: Buffer = Buffer.alloc(0);
  let target: Target | undefined;
  do {
    target = await targetFor(task, target);
    await target.transport.exchange(otherAnswer);
    watch.start();
    answer = await target.transport.exchange(request);
    watch.stop(1);
  } while (watch.measuredMs < task.minMs);
  await target.transport.exchange(otherAnswer);
  // The answer to updates was sent before the merge.
  if (task.fresh) answer = await target.transport.exchange(request);
  const records = recordsIn(answer, task);
  await target[Symbol.asyncDispose]();
  return {
    ...watch.total,
    answerBytes: answer.length,
    records: records.length,
    incarnations: incarnationSum(records),
  };
}

/** The longest turn of the event loop in any of the exchanges. Measured separately, because observing takes time. */
export async function turns(task: PushPullTask): Promise<{ longestMs: number }> {
  const request = readFileSync(task.request);
  const otherAnswer = otherAnswerTo(task);
  const watch = new Stopwatch();
  let longestMs = 0;
  let target: Target | undefined;
  do {
    target = await targetFor(task, target);
    await target.transport.exchange(otherAnswer);
    const gaps = new Gaps();
    watch.start();
    await target.transport.exchange(request);
    watch.stop(1);
    longestMs = Math.max(longestMs, await gaps.stop());
  } while (watch.measuredMs < task.minMs);
  await target[Symbol.asyncDispose]();
  return { longestMs };
}

/**
 * A request that is answered with another message: a join by a node without members. A node caches its last answer
 * for up to a second; after this request it has to encode the answer that is timed.
 */
function otherAnswerTo(layers: Layers): Buffer {
  const message = encodePushPull({ join: true, records: [], userState: noBytes });
  return wrapForStream(message, streamLayers(layers));
}

/** The warm-up takes this many times as long as the measurement. */
const warmUps = 3;

/**
 * The node for the next exchange. To a node that knows the content of the request, it contains no updates. The node
 * has done the same often before, because first executions are slow: a node runs for weeks.
 */
async function targetFor(task: PushPullTask, last: Target | undefined): Promise<Target> {
  if (last !== undefined && !task.fresh) return last;
  await last?.[Symbol.asyncDispose]();
  const target = await startLoadedTarget(task, task.load);
  collectGarbage();
  const before = readFileSync(task.before);
  const endAt = performance.now() + warmUps * task.minMs;
  do await target.transport.exchange(before);
  while (performance.now() < endAt && !task.fresh);
  return target;
}

/** Reads the clock once in each turn of the event loop. */
class Gaps {
  #longestMs = 0;
  #lastAt = performance.now();
  #next: NodeJS.Immediate | undefined = setImmediate(() => this.#sample());

  /** The longest time between two samples, in milliseconds, including the current turn. */
  stop(): Promise<number> {
    return new Promise((resolve) => {
      setImmediate(() => {
        clearImmediate(this.#next);
        this.#record();
        resolve(this.#longestMs);
      });
    });
  }

  #sample(): void {
    this.#record();
    this.#next = setImmediate(() => this.#sample());
  }

  #record(): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#lastAt);
    this.#lastAt = now;
  }
}
