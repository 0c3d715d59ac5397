/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Requests of other members: each runs a handler of the application once, and its answer is kept for repetitions.
import { ConfigError } from '../index.js';
import type { BusNode } from './bus-node.js';
import type { RequestInfo } from './bus.js';
import { encodeFrame } from './encode.js';
import type { AnswerKind, CancelFrame, RequestFrame } from './frames.js';
import { busLimits } from './limits.js';
import { checkTopic } from './subscriptions.js';

/** The longest time that an answer is kept, in milliseconds. */
const KEPT_MS = 60_000;
/** When the signal of a handler is aborted at the latest because the requester no longer waits, in milliseconds. */
const LONGEST_WAIT_MS = 3_600_000;
/** Bytes of memory of a kept answer without its payload. */
const ANSWER_OVERHEAD = 300;

type Handler = (payload: unknown, info: RequestInfo) => unknown;

/** The handlers of one node. */
export class Handlers {
  readonly #byTopic = new Map<string, Handler>();

  /** @throws ConfigError */
  add(topic: string, handler: Handler): () => void {
    checkTopic(topic);
    if (typeof handler !== 'function') {
      throw new ConfigError([{ field: 'handler', value: handler, rule: 'must be a function' }]);
    }
    if (this.#byTopic.has(topic)) {
      const rule = 'has a handler already; call what the first `respond` returned to remove it';
      throw new ConfigError([{ field: 'topic', value: topic, rule }]);
    }
    this.#byTopic.set(topic, handler);
    return () => {
      if (this.#byTopic.get(topic) === handler) this.#byTopic.delete(topic);
    };
  }

  get(topic: string): Handler | undefined {
    return this.#byTopic.get(topic);
  }
}

interface Job {
  readonly from: string;
  readonly abort: AbortController;
  readonly until: number;
  /** The encoded answer; undefined while the handler works. */
  answer: Buffer | undefined;
}

/** Answers requests on one node. */
export class Responder {
  readonly #node: BusNode;
  readonly #handlers: Handlers;
  /** By requester and id, oldest first. */
  readonly #jobs = new Map<string, Job>();
  readonly #activeOf = new Map<string, number>();
  #active = 0;
  #answeredBytes = 0;

  constructor(node: BusNode, handlers: Handlers) {
    this.#node = node;
    this.#handlers = handlers;
  }

  receive(from: string, frame: RequestFrame): void {
    const key = `${frame.boot}:${frame.id}:${from}`;
    const known = this.#jobs.get(key);
    if (known !== undefined) {
      if (known.answer !== undefined) this.#node.link.send(from, known.answer);
      else if (!known.abort.signal.aborted) this.#send(from, frame, 'accepted');
      return;
    }
    const handler = this.#handlers.get(frame.topic);
    if (handler === undefined) return this.#send(from, frame, 'none');
    const active = this.#activeOf.get(from) ?? 0;
    if (this.#active >= busLimits.requests || active >= busLimits.requestsPerPeer) {
      return this.#send(from, frame, 'busy');
    }
    const { context, meters } = this.#node;
    const until = context.clock.now() + Math.min(frame.timeoutMs, KEPT_MS);
    const job: Job = { from, abort: new AbortController(), until, answer: undefined };
    this.#jobs.set(key, job);
    this.#answeredBytes += ANSWER_OVERHEAD;
    this.#active++;
    this.#activeOf.set(from, active + 1);
    meters.requests.inc();
    const waitMs = Math.min(frame.timeoutMs, LONGEST_WAIT_MS);
    const timer = context.clock.setTimer(waitMs, () => job.abort.abort());
    void this.#run(handler, frame, job).finally(() => {
      timer.cancel();
      this.#ended(job);
    });
  }

  cancel(from: string, { boot, id }: CancelFrame): void {
    const job = this.#jobs.get(`${boot}:${id}:${from}`);
    if (job?.answer === undefined) job?.abort.abort();
  }

  peerLeft(name: string): void {
    for (const { from, abort, answer } of this.#jobs.values()) {
      if (from === name && answer === undefined) abort.abort();
    }
  }

  /** Aborts all handlers. */
  stop(): void {
    for (const { abort, answer } of this.#jobs.values()) if (answer === undefined) abort.abort();
    this.#jobs.clear();
  }

  async #run(handler: Handler, frame: RequestFrame, job: Job): Promise<void> {
    const { codec, answerCodec, maxMessageBytes } = this.#node.options;
    const { topic } = frame;
    let payload: unknown;
    try {
      payload = codec.decode(frame.payload, topic);
    } catch (error) {
      this.#node.meters.drop('invalid-payload');
      this.#node.context.drop(job.from, `a request for ${topic}: ${String(error)}`);
      this.#answer(job, frame, 'failed');
      return;
    }
    try {
      const answer = await handler(payload, { from: job.from, signal: job.abort.signal });
      if (answer === undefined) {
        this.#answer(job, frame, 'none');
        return;
      }
      const bytes = answerCodec.encode(answer, topic);
      if (bytes.length > maxMessageBytes) {
        throw new RangeError(
          `the answer has ${bytes.length} bytes, ${maxMessageBytes} are allowed`,
        );
      }
      this.#answer(job, frame, 'answer', bytes);
    } catch (error) {
      if (!job.abort.signal.aborted) {
        this.#node.context.reportError(`the handler of requests for '${topic}'`, error);
      }
      this.#answer(job, frame, 'failed');
    }
  }

  #answer(job: Job, { boot, id }: RequestFrame, kind: AnswerKind, bytes?: Uint8Array): void {
    const payload = bytes === undefined ? Buffer.alloc(0) : Buffer.from(bytes);
    job.answer = encodeFrame({ type: 'response', boot, id, kind, payload });
    this.#answeredBytes += job.answer.length;
    this.#node.link.send(job.from, job.answer);
  }

  #ended(job: Job): void {
    this.#active--;
    const left = (this.#activeOf.get(job.from) ?? 1) - 1;
    if (left > 0) this.#activeOf.set(job.from, left);
    else this.#activeOf.delete(job.from);
    this.#evict();
  }

  /** Removes answers that no requester waits for, and the oldest beyond the limit. */
  #evict(): void {
    const now = this.#node.context.clock.now();
    for (const [key, { answer, until }] of this.#jobs) {
      if (answer === undefined) continue;
      if (until > now && this.#answeredBytes <= busLimits.answeredBytes) return;
      this.#jobs.delete(key);
      this.#answeredBytes -= ANSWER_OVERHEAD + answer.length;
    }
  }

  #send(to: string, { boot, id }: RequestFrame, kind: AnswerKind): void {
    const payload = Buffer.alloc(0);
    this.#node.link.send(to, encodeFrame({ type: 'response', boot, id, kind, payload }));
  }
}
