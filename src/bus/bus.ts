/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The public interface of the bus.
import type { Extension, Node } from '../index.js';
import type { Codec, StandardSchema } from './codec.js';
import type { BusStats } from './stats.js';

/** What topics carry: the type of the payload, by topic. */
export type BusTopics = object;
/** The payloads of a bus without a codec. */
export type BytesTopics = Record<string, Buffer>;
/** The names of topics. */
export type TopicOf<Topics extends BusTopics> = keyof Topics & string;
/** What can be published where `Payload` is received: any bytes where the receiver gets a Buffer. */
export type Publishable<Payload> = Payload extends Uint8Array ? Uint8Array : Payload;

/** A message that a subscriber receives. */
export interface BusMessage<Payload = Buffer, Topic extends string = string> {
  readonly topic: Topic;
  /** Without a codec it is a view of the received bytes, which other subscribers receive as well: do not change it. */
  readonly payload: Payload;
  /** The name of the member that published it. */
  readonly publisher: string;
  /** The incarnation of the publisher: 16 hexadecimal digits. A restarted node has another one. */
  readonly bootId: string;
  /** Counts the messages of this publisher, over all topics, from 1. */
  readonly seq: number;
  /** `<bootId>:<seq>`, unique in the cluster. */
  readonly id: string;
}

/** A message of {@link Bus.messages}. */
export interface IteratedMessage<
  Payload = Buffer,
  Topic extends string = string,
> extends BusMessage<Payload, Topic> {
  /** How many messages were dropped directly before this one, since the application read too slowly. */
  readonly missed: number;
}

/** Messages that can no longer be recovered: drop what depends on them, such as a cache. */
export interface BusGap {
  /** The member that published them. */
  readonly publisher: string;
  /** Its incarnation; undefined if this node received nothing from it. */
  readonly bootId: string | undefined;
  /** How many; undefined if that is not known, because the publisher died. It may be none. */
  readonly missed: number | undefined;
}

/** What `publish` resolves with. */
export interface Published {
  readonly id: string;
  /** The number of other members that the message was published to. */
  readonly peers: number;
}

/** What `publish` resolves with when it waits for confirmations. */
export interface Confirmed extends Published {
  /** Names of members that have delivered the message to their subscribers. */
  readonly confirmed: readonly string[];
  /** Names of members that have not done so in time. They may receive it later. */
  readonly missing: readonly string[];
}

/** Options of {@link Bus.publish}. */
export interface PublishOptions {
  /** Whether to wait until all members have delivered the message. Default: false */
  readonly confirm?: boolean | undefined;
  /** The longest wait for confirmations, in milliseconds. Default: 5,000 */
  readonly timeout?: number | undefined;
}

/** Options of {@link Bus.subscribe}. */
export interface SubscribeOptions {
  /** Whether to receive this node's own messages. Default: true */
  readonly self?: boolean | undefined;
}

/** Options of {@link Bus.messages}. */
export interface MessagesOptions extends SubscribeOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
  /** How many messages wait for the application at most; beyond it the oldest are dropped. Default: 1,000 */
  readonly maxBuffered?: number | undefined;
}

/** Options of {@link Bus.request}. */
export interface RequestOptions {
  /** The members to ask: their names, or a function that chooses among all. Default: all other members */
  readonly to?: readonly string[] | ((node: Node) => boolean) | undefined;
  /** The longest wait for all answers, in milliseconds. Default: 5,000 */
  readonly timeout?: number | undefined;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
}

/** An answer to a request. */
export interface BusAnswer<Payload = Buffer> {
  /** The name of the member. */
  readonly from: string;
  readonly payload: Payload;
}

/** What a handler of requests is called with. */
export interface RequestInfo {
  /** The name of the member that asks. */
  readonly from: string;
  /** Aborted when the requester no longer waits, and at the shutdown. */
  readonly signal: AbortSignal;
}

/** The limits of retained messages. */
export interface RetentionOptions {
  /** Messages of one publisher. Default: 10,000 */
  readonly messages?: number | undefined;
  /** Their memory, in bytes. Default: 4 MiB */
  readonly bytes?: number | undefined;
  /** Their age, in milliseconds. Default: 120,000 */
  readonly age?: number | undefined;
  /** The memory for all publishers, in bytes. Default: 64 MiB */
  readonly totalBytes?: number | undefined;
}

/** Options of `createBus`. */
export interface BusOptions<Topics extends BusTopics = BytesTopics> {
  /** The name of the extension, the same on all nodes; a node can have several buses. Default: `bus` */
  readonly name?: string | undefined;
  /** How payloads become bytes: `json`, `msgpack`, a codec, or a schema (with JSON). Default: payloads are bytes */
  readonly codec?: Codec | StandardSchema | undefined;
  /** Validate what peers publish, by topic. */
  readonly schemas?: Readonly<Partial<Record<TopicOf<Topics>, StandardSchema>>> | undefined;
  /** Up to this many peers a message is sent directly to each; beyond, it is passed on. Default: 64 */
  readonly directPeers?: number | undefined;
  /** The largest payload, in bytes. Default: 1 MiB */
  readonly maxMessageBytes?: number | undefined;
  /** What every node retains for repair. */
  readonly retention?: RetentionOptions | undefined;
  /** How long members help each other to the last messages of a publisher that is gone, in ms. Default: 30,000 */
  readonly grace?: number | undefined;
  /**
   * What a node that starts receives: what is published after its join, or also what the publishers retain.
   * Default: `join`
   */
  readonly since?: 'join' | 'retained' | undefined;
}

/** The message bus of one node. */
export interface Bus<Topics extends BusTopics = BytesTopics> extends Extension {
  /** This incarnation of the node as a publisher: 16 hexadecimal digits. Empty before the node is created. */
  readonly bootId: string;

  /**
   * Publishes a message to all members. Resolves when it was handed to the network; with `confirm`, when all members
   * have delivered it or the timeout ends.
   *
   * @param payload - copied
   * @throws ConfigError; MessageTooLargeError; BusyError when too many messages wait to be sent; ShutdownError before
   *   the node runs, while it leaves, and after its shutdown; what the codec throws
   */
  publish<Topic extends TopicOf<Topics>>(
    topic: Topic,
    payload: Publishable<Topics[Topic]>,
    options: PublishOptions & { readonly confirm: true },
  ): Promise<Confirmed>;
  /**
   * Publishes a message to all members. Resolves when it was handed to the network.
   *
   * @param payload - copied
   * @throws as above
   */
  publish<Topic extends TopicOf<Topics>>(
    topic: Topic,
    payload: Publishable<Topics[Topic]>,
    options?: PublishOptions,
  ): Promise<Published>;

  /**
   * Calls back with each message of a topic, in the order of each publisher. What the callback throws is caught,
   * counted and logged (`extension-threw`).
   *
   * @returns a function that ends the subscription
   * @throws ConfigError
   */
  subscribe<Topic extends TopicOf<Topics>>(
    topic: Topic,
    listener: (message: BusMessage<Topics[Topic], Topic>) => unknown,
    options?: SubscribeOptions,
  ): () => void;

  /**
   * The messages of a topic from now on. Ends with `signal`, with `return()` (a `break` in the loop), and at the
   * shutdown.
   *
   * @throws ConfigError
   */
  messages<Topic extends TopicOf<Topics>>(
    topic: Topic,
    options?: MessagesOptions,
  ): AsyncIterableIterator<IteratedMessage<Topics[Topic], Topic>>;

  /**
   * Asks other members. Yields their answers as they arrive and ends when all have answered, have no handler for the
   * topic, or are gone, or at the timeout. A member whose handler throws is left out.
   *
   * @throws as `publish`
   */
  request<Topic extends TopicOf<Topics>, Answer = Topics[Topic]>(
    topic: Topic,
    payload: Publishable<Topics[Topic]>,
    options?: RequestOptions,
  ): AsyncIterableIterator<BusAnswer<Answer>>;

  /**
   * Answers requests of other members. What the handler throws is caught, counted and logged (`extension-threw`).
   *
   * @returns a function that removes the handler
   * @throws ConfigError if the topic has a handler
   */
  respond<Topic extends TopicOf<Topics>>(
    topic: Topic,
    handler: (payload: Topics[Topic], info: RequestInfo) => unknown,
  ): () => void;

  /** What this node has seen since its start and what it holds, by topic and publisher. A copy. */
  stats(): BusStats;

  /** Listens to messages that were lost for good. What a listener throws is caught, counted and logged. */
  on(event: 'gap', listener: (gap: BusGap) => unknown): this;
  /** Removes a listener. */
  off(event: 'gap', listener: (gap: BusGap) => unknown): this;
}
