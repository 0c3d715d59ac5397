/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The extension: what the application calls, before and while the node runs.
import { EventEmitter } from 'node:events';
import {
  ConfigError,
  MessageTooLargeError,
  ShutdownError,
  type Extension,
  type ExtensionContext,
  type ExtensionHooks,
  type Node,
} from '../index.js';
import { BusCore } from './bus-core.js';
import type {
  Bus,
  BusAnswer,
  BusGap,
  BusMessage,
  BusOptions,
  BytesTopics,
  Confirmed,
  IteratedMessage,
  MessagesOptions,
  Published,
  PublishOptions,
  RequestInfo,
  RequestOptions,
  SubscribeOptions,
} from './bus.js';
import { resolveBusOptions, type ResolvedBusOptions } from './options.js';
import { AnswerIterator } from './answer-iterator.js';
import { Handlers } from './responder.js';
import { BusStatistics, type BusStats } from './stats.js';
import { checkTopic, isThenable, Subscriptions } from './subscriptions.js';

const DEFAULT_TIMEOUT_MS = 5_000;
const LONGEST_TIMEOUT_MS = 3_600_000;
const NOT_ATTACHED =
  'does not run yet; pass the bus to it first, as `use: [bus]` of Memberlist.create';

/**
 * An extension that makes a node part of a message bus. One object for each node.
 *
 * ```ts
 * const bus = createBus();
 * const list = await Memberlist.create({ name: 'web-1', use: [bus] });
 * bus.subscribe('stale', ({ payload }) => cache.delete(payload.toString()));
 * bus.on('gap', () => cache.clear());
 * await bus.publish('stale', Buffer.from('user:7'));
 * ```
 *
 * @throws ConfigError
 */
export function createBus<Topics extends object = BytesTopics>(
  options: BusOptions<Topics> = {},
): Bus<Topics> {
  return new MessageBus(options) as unknown as Bus<Topics>;
}

class MessageBus implements Extension {
  readonly name: string;
  readonly version = 1;
  readonly #options: ResolvedBusOptions;
  readonly #subscriptions: Subscriptions;
  readonly #handlers = new Handlers();
  readonly #emitter = new EventEmitter();
  readonly #statistics = new BusStatistics();
  #core: BusCore | undefined;
  #isStopped = false;

  constructor(options: BusOptions<object>) {
    this.#options = resolveBusOptions(options);
    this.name = this.#options.name;
    this.#subscriptions = new Subscriptions(this.#options.codec, {
      meters: () => this.#core?.node.meters,
      failed: (what, error) => this.#core?.node.context.reportError(what, error),
      invalid: (publisher, detail) => {
        this.#core?.node.meters.drop('invalid-payload');
        this.#core?.node.context.drop(publisher, detail);
      },
    });
  }

  get bootId(): string {
    return this.#core?.node.boot ?? '';
  }

  attach(context: ExtensionContext): ExtensionHooks {
    if (this.#core !== undefined) {
      const rule = 'has a bus of another node; create one for each node';
      throw new ConfigError([{ field: 'use', value: this.name, rule }]);
    }
    const core = new BusCore(context, {
      options: this.#options,
      handlers: this.#handlers,
      sink: {
        deliver: (origin, record, isOwn) => {
          this.#statistics.delivered(origin.publisher, record, context.clock.now());
          this.#subscriptions.deliver(origin, record, isOwn);
        },
        gap: (gap) => this.#gap(gap),
      },
    });
    this.#core = core;
    return {
      message: (payload, from) => core.receive(payload, from),
      leaving: (signal) => core.leaving(signal),
      resumed: () => core.resumed(),
      stopping: () => core.stopping(),
      stopped: () => this.#stop(),
    };
  }

  publish(
    topic: string,
    payload: unknown,
    options: PublishOptions & { readonly confirm: true },
  ): Promise<Confirmed>;
  publish(topic: string, payload: unknown, options?: PublishOptions): Promise<Published>;
  publish(
    topic: string,
    payload: unknown,
    options?: PublishOptions,
  ): Promise<Published | Confirmed> {
    const published = this.#publish(topic, payload, options);
    return this.#core === undefined ? published : handledAtShutdown(published);
  }

  subscribe(
    topic: string,
    listener: (message: BusMessage<unknown>) => unknown,
    options?: SubscribeOptions,
  ): () => void {
    return this.#subscriptions.subscribe(topic, listener, options);
  }

  messages(
    topic: string,
    options?: MessagesOptions,
  ): AsyncIterableIterator<IteratedMessage<unknown>> {
    return this.#subscriptions.messages(topic, options);
  }

  request<Answer>(
    topic: string,
    payload: unknown,
    { to, timeout, signal }: RequestOptions = {},
  ): AsyncIterableIterator<BusAnswer<Answer>> {
    const core = this.#mustRun('request');
    const bytes = this.#encode(topic, payload);
    const { context, peers } = core.node;
    const names = namesOf(to, peers.names, (name) => context.member(name));
    const { answerCodec } = this.#options;
    const answers = new AnswerIterator<Answer>(({ from, payload: answer }) => {
      try {
        return { from, payload: answerCodec.decode(answer, topic) as Answer };
      } catch (error) {
        core.node.meters.drop('invalid-payload');
        context.drop(from, `an answer for ${topic}: ${String(error)}`);
        return undefined;
      }
    });
    const request = { topic, payload: bytes, to: names, timeoutMs: timeoutOf(timeout) };
    answers.start((on) => core.requests.ask(request, on), signal);
    return answers;
  }

  respond(topic: string, handler: (payload: unknown, info: RequestInfo) => unknown): () => void {
    return this.#handlers.add(topic, handler);
  }

  stats(): BusStats {
    return this.#statistics.read(this.#core);
  }

  on(event: 'gap', listener: (gap: BusGap) => unknown): this {
    this.#emitter.on(event, listener);
    return this;
  }

  off(event: 'gap', listener: (gap: BusGap) => unknown): this {
    this.#emitter.off(event, listener);
    return this;
  }

  async #publish(
    topic: string,
    payload: unknown,
    { confirm = false, timeout }: PublishOptions = {},
  ): Promise<Published | Confirmed> {
    const core = this.#mustRun('publish');
    const bytes = this.#encode(topic, payload);
    const timeoutMs = timeoutOf(timeout);
    const { names } = core.node.peers;
    const { seq, done } = core.outgoing.publish({ topic, payload: bytes, confirm });
    const published = { id: `${core.node.boot}:${seq}`, peers: names.length };
    if (!confirm) {
      await done;
      return published;
    }
    const by = core.confirmations.wait(seq, names, timeoutMs);
    await done;
    return { ...published, ...(await by) };
  }

  #mustRun(operation: string): BusCore {
    const core = this.#core;
    if (core === undefined) throw new ShutdownError(operation, NOT_ATTACHED);
    if (this.#isStopped) throw new ShutdownError(operation);
    if (core.isLeaving) throw new ShutdownError(operation, 'is leaving or has left');
    return core;
  }

  #encode(topic: string, payload: unknown): Buffer {
    checkTopic(topic);
    const { codec, maxMessageBytes } = this.#options;
    const bytes = codec.encode(payload, topic);
    if (bytes.length > maxMessageBytes) {
      throw new MessageTooLargeError('the payload', bytes.length, maxMessageBytes);
    }
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  #gap(gap: BusGap): void {
    this.#statistics.gap(gap);
    const failed = (error: unknown): void =>
      this.#core?.node.context.reportError("a listener of 'gap'", error);
    for (const listener of this.#emitter.listeners('gap')) {
      try {
        const result = (listener as (gap: BusGap) => unknown)(gap);
        if (isThenable(result)) result.then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  #stop(): void {
    this.#isStopped = true;
    this.#core?.stop();
    this.#subscriptions.stop();
  }
}

/** The same promise; if the caller does not await it, its ShutdownError does not count as an unhandled rejection. */
function handledAtShutdown<T>(promise: Promise<T>): Promise<T> {
  const handled = promise.catch((error: unknown) => {
    if (error instanceof ShutdownError) handled.catch(() => undefined);
    throw error;
  });
  return handled;
}

/** @throws ConfigError */
function timeoutOf(timeout: unknown): number {
  if (timeout === undefined) return DEFAULT_TIMEOUT_MS;
  const isValid = typeof timeout === 'number' && timeout > 0 && timeout <= LONGEST_TIMEOUT_MS;
  if (isValid) return timeout;
  const rule = `must be milliseconds, more than 0 and at most ${LONGEST_TIMEOUT_MS}`;
  throw new ConfigError([{ field: 'timeout', value: timeout, rule }]);
}

/** @throws ConfigError */
function namesOf(
  to: RequestOptions['to'],
  names: readonly string[],
  member: (name: string) => Node | undefined,
): readonly string[] {
  if (to === undefined) return names;
  if (typeof to === 'function') {
    return names.filter((name) => {
      const node = member(name);
      return node !== undefined && to(node);
    });
  }
  if (Array.isArray(to)) return names.filter((name) => (to as readonly string[]).includes(name));
  const rule = 'must be an array of names, or a function that chooses members';
  throw new ConfigError([{ field: 'to', value: to, rule }]);
}
