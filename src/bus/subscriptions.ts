/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The application's subscribers on one node, and the iterators of `messages()`.
import { ConfigError } from '../index.js';
import type { BusMessage, IteratedMessage, MessagesOptions, SubscribeOptions } from './bus.js';
import type { Codec } from './codec.js';
import { busLimits } from './limits.js';
import type { BusMeters } from './meters.js';
import type { BusRecord } from './records.js';

interface Subscriber {
  readonly receive: (message: BusMessage<unknown>) => unknown;
  readonly self: boolean;
}

/** Where a message comes from. */
export interface Origin {
  readonly publisher: string;
  readonly boot: string;
}

/** What happens to messages that cannot be delivered. */
export interface SubscriptionsSink {
  meters(): BusMeters | undefined;
  /** A subscriber threw. */
  failed(what: string, error: unknown): void;
  /** The payload of a peer is invalid. */
  invalid(publisher: string, detail: string): void;
}

/** All subscribers of one bus. */
export class Subscriptions {
  readonly #byTopic = new Map<string, Set<Subscriber>>();
  /** What ends each iterator. */
  readonly #iterators = new Set<() => void>();
  readonly #codec: Codec;
  readonly #sink: SubscriptionsSink;
  #isStopped = false;

  constructor(codec: Codec, sink: SubscriptionsSink) {
    this.#codec = codec;
    this.#sink = sink;
  }

  /** @throws ConfigError */
  subscribe(
    topic: string,
    receive: (message: BusMessage<unknown>) => unknown,
    { self = true }: SubscribeOptions = {},
  ): () => void {
    checkTopic(topic);
    if (typeof receive !== 'function') {
      const rule = 'must be a function';
      throw new ConfigError([{ field: 'listener', value: receive, rule }]);
    }
    const subscriber: Subscriber = { receive, self };
    const all = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, all.add(subscriber));
    return () => {
      all.delete(subscriber);
      if (all.size === 0 && this.#byTopic.get(topic) === all) this.#byTopic.delete(topic);
    };
  }

  /** @throws ConfigError */
  messages(
    topic: string,
    { signal, maxBuffered = 1_000, ...options }: MessagesOptions = {},
  ): AsyncIterableIterator<IteratedMessage<unknown>> {
    if (!Number.isInteger(maxBuffered) || maxBuffered < 1) {
      const rule = 'must be a whole number of messages, at least 1';
      throw new ConfigError([{ field: 'maxBuffered', value: maxBuffered, rule }]);
    }
    const buffer = new Buffered(maxBuffered, () => this.#sink.meters()?.overflowed.inc());
    const unsubscribe = this.subscribe(topic, (message) => buffer.add(message), options);
    const end = (): void => {
      unsubscribe();
      signal?.removeEventListener('abort', end);
      this.#iterators.delete(end);
      buffer.end();
    };
    this.#iterators.add(end);
    signal?.addEventListener('abort', end, { once: true });
    if (this.#isStopped || signal?.aborted === true) end();
    const result: AsyncIterableIterator<IteratedMessage<unknown>> = {
      next: () => buffer.next(),
      return: () => {
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => result,
    };
    return result;
  }

  /** Delivers a message to all subscribers of its topic. */
  deliver({ publisher, boot }: Origin, record: BusRecord, isOwn: boolean): void {
    const subscribers = this.#byTopic.get(record.topic);
    if (subscribers === undefined) return;
    let payload: unknown;
    try {
      payload = this.#codec.decode(record.payload, record.topic);
    } catch (error) {
      this.#sink.invalid(publisher, `topic ${record.topic}: ${String(error)}`);
      return;
    }
    const message = new Message(publisher, boot, record, payload);
    for (const { receive, self } of [...subscribers]) {
      if (isOwn && !self) continue;
      try {
        const result = receive(message);
        if (isThenable(result)) {
          result.then(undefined, (error: unknown) => this.#failed(record.topic, error));
        }
      } catch (error) {
        this.#failed(record.topic, error);
      }
    }
  }

  /** Ends all iterators. */
  stop(): void {
    this.#isStopped = true;
    for (const end of [...this.#iterators]) end();
    this.#byTopic.clear();
  }

  #failed(topic: string, error: unknown): void {
    this.#sink.failed(`a subscriber of '${topic}'`, error);
  }
}

/** @throws ConfigError */
export function checkTopic(topic: unknown): asserts topic is string {
  const bytes = typeof topic === 'string' ? Buffer.byteLength(topic) : 0;
  if (bytes >= 1 && bytes <= busLimits.topicBytes) return;
  const rule = `must be a text of 1 to ${busLimits.topicBytes} bytes`;
  throw new ConfigError([{ field: 'topic', value: topic, rule }]);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

/** A message as subscribers receive it; the text of the id is made when it is read. */
class Message implements BusMessage<unknown> {
  readonly topic: string;
  readonly payload: unknown;
  readonly publisher: string;
  readonly bootId: string;
  readonly seq: number;

  constructor(publisher: string, boot: string, { seq, topic }: BusRecord, payload: unknown) {
    this.topic = topic;
    this.payload = payload;
    this.publisher = publisher;
    this.bootId = boot;
    this.seq = seq;
  }

  get id(): string {
    return `${this.bootId}:${this.seq}`;
  }
}

/** Messages that wait for the application; the oldest are dropped when there are too many. */
class Buffered {
  readonly #most: number;
  readonly #overflowed: () => void;
  #messages: { readonly message: BusMessage<unknown>; readonly bytes: number }[] = [];
  #head = 0;
  #bytes = 0;
  #missed = 0;
  #isEnded = false;
  readonly #waiting: ((result: IteratorResult<IteratedMessage<unknown>>) => void)[] = [];

  constructor(most: number, overflowed: () => void) {
    this.#most = most;
    this.#overflowed = overflowed;
  }

  add(message: BusMessage<unknown>): void {
    const next = this.#waiting.shift();
    if (next !== undefined) return next({ done: false, value: iterated(message, 0) });
    const { payload } = message;
    const bytes = 100 + (payload instanceof Uint8Array ? payload.length : 0);
    this.#messages.push({ message, bytes });
    this.#bytes += bytes;
    while (this.#size > 1 && (this.#size > this.#most || this.#bytes > busLimits.iteratorBytes)) {
      this.#shift();
      this.#missed++;
      this.#overflowed();
    }
  }

  next(): Promise<IteratorResult<IteratedMessage<unknown>>> {
    const first = this.#shift();
    if (first !== undefined) {
      const value = iterated(first.message, this.#missed);
      this.#missed = 0;
      return Promise.resolve({ done: false, value });
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** What is buffered is discarded. */
  end(): void {
    this.#isEnded = true;
    this.#messages = [];
    this.#head = 0;
    for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  get #size(): number {
    return this.#messages.length - this.#head;
  }

  #shift(): { message: BusMessage<unknown> } | undefined {
    const first = this.#messages[this.#head];
    if (first === undefined) return undefined;
    this.#bytes -= first.bytes;
    this.#messages[this.#head++] = undefined as never;
    if (this.#head >= 64 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}

function iterated(message: BusMessage<unknown>, missed: number): IteratedMessage<unknown> {
  const { topic, payload, publisher, bootId, seq, id } = message;
  return { topic, payload, publisher, bootId, seq, id, missed };
}
