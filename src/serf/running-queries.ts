/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Queries of this node that are waiting for answers.
import { BusyError, ShutdownError, type Clock } from '../index.js';
import { serfLimits } from './limits.js';
import { kept } from './messages.js';
import type { SerfMetrics } from './metrics.js';
import type { QueryResponse } from './query-messages.js';
import type { SerfAnswer } from './serf.js';

/** Answers beyond the number of members: of those that join during the query. */
const SPARE_ANSWERS = 16;

/** The answers to one query, to iterate over. */
export class RunningQuery implements AsyncIterableIterator<SerfAnswer> {
  readonly #id: number;
  readonly #most: number;
  readonly #ended: () => void;
  readonly #seen = { ack: new Set<string>(), response: new Set<string>() };
  readonly #waiting: SerfAnswer[] = [];
  #readers: ((result: IteratorResult<SerfAnswer, undefined>) => void)[] = [];
  #isOver = false;

  /** @param init.members - how many members there are */
  constructor(init: { id: number; members: number; ended: () => void }) {
    this.#id = init.id;
    this.#most = init.members + SPARE_ANSWERS;
    this.#ended = init.ended;
  }

  /** Receives an answer; false for a repeated one, one too many, and one of another query. */
  receive({ id, from, isAck, payload }: QueryResponse): boolean {
    const type = isAck ? 'ack' : 'response';
    const seen = this.#seen[type];
    if (id !== this.#id || seen.has(from) || seen.size >= this.#most) return false;
    seen.add(from);
    const answer = { type, from, payload: kept(payload) } as const;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#waiting.push(answer);
    else reader({ done: false, value: answer });
    return true;
  }

  /** The answers that have arrived can still be read. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended();
    for (const reader of this.#readers) reader({ done: true, value: undefined });
    this.#readers = [];
  }

  next(): Promise<IteratorResult<SerfAnswer, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<SerfAnswer, undefined>> {
    this.end();
    this.#waiting.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** All queries of one node that are not over. */
export class RunningQueries {
  readonly #clock: Clock;
  readonly #metrics: SerfMetrics;
  readonly #signal: AbortSignal;
  /** By Lamport time: each query of this node has another one. */
  readonly #byTime = new Map<number, RunningQuery>();

  constructor(components: { clock: Clock; metrics: SerfMetrics; signal: AbortSignal }) {
    this.#clock = components.clock;
    this.#metrics = components.metrics;
    this.#signal = components.signal;
  }

  /** @throws BusyError; ShutdownError */
  mustHaveRoom(): void {
    if (this.#signal.aborted) throw new ShutdownError('query');
    if (this.#byTime.size >= serfLimits.runningQueries) throw new BusyError(this.#byTime.size, 0);
  }

  /** Waits for answers to a query. */
  start(query: { ltime: number; id: number; timeoutMs: number; members: number }): RunningQuery {
    const { ltime, id, timeoutMs, members } = query;
    const running = new RunningQuery({
      ...{ id, members },
      ended: () => {
        timer.cancel();
        this.#byTime.delete(ltime);
      },
    });
    const timer = this.#clock.setTimer(timeoutMs, () => running.end());
    this.#byTime.set(ltime, running);
    return running;
  }

  /** Receives an answer. */
  receive(response: QueryResponse): void {
    const isTaken = this.#byTime.get(response.ltime)?.receive(response) === true;
    if (isTaken) this.#metrics.responses.inc();
    else this.#metrics.responsesRefused.inc();
  }

  /** The node is shut down. */
  stop(): void {
    for (const running of [...this.#byTime.values()]) running.end();
  }
}
