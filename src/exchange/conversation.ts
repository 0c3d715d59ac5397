/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One request and its answer over one connection, with one deadline.
import { StreamTraffic } from '../core/counters.js';
import { MessageTooLargeError, ProtocolError, TimeoutError } from '../errors.js';
import { withDeadline, type Deadline } from '../runtime/deadline.js';
import type { Connection } from '../transport/transport.js';
import { limits } from '../wire/limits.js';
import { MemoryPart, unboundedMemory, type Memory } from '../wire/memory.js';
import { MessageType } from '../wire/message-type.js';
import type { IsKnown } from '../wire/record-precheck.js';
import type { Sliced } from '../wire/sliced.js';
import {
  SEAL_HEADER_BYTES,
  StreamReader,
  wrapForStreamSliced,
  type StreamLayers,
  type StreamMessage,
} from '../wire/stream-codec.js';
import { WireError } from '../wire/wire-error.js';
import type { Pacer } from './pacer.js';
import type { StreamMemory } from './stream-memory.js';

/** The end of the connection: the dialer sends the label, the acceptor expects it. */
export type Side = 'dialer' | 'acceptor';

/** Information about a partly received message. */
export interface Progress {
  /** Whether the message is known to be a push/pull. */
  readonly isPushPull: boolean;
}

/** Encodes a message, including its type byte, and reserves the memory that it allocates. */
export type MessageSource = (memory: Memory) => Sliced<Buffer>;

/** The dependencies that all conversations of a node share. */
export interface ConversationParts {
  readonly layers: StreamLayers;
  readonly pacer: Pacer;
  /** The memory of all streams whose size a peer controls. */
  readonly pool?: StreamMemory;
  /** The counters of streams. */
  readonly traffic?: StreamTraffic;
  /** Selects the records of a push/pull that the decoder skips. */
  readonly isKnown?: IsKnown | undefined;
  /** Whether the decoder keeps the user state of a push/pull. */
  readonly keepsState?: (() => boolean) | undefined;
}

/** Sends and receives messages over a connection. */
export class Conversation {
  readonly #connection: Connection;
  readonly #layers: StreamLayers;
  readonly #pacer: Pacer;
  readonly #side: Side;
  readonly #reader: StreamReader;
  readonly #traffic: StreamTraffic;
  readonly #memory: Memory;
  readonly #ended = new AbortController();
  /** The error of a failed read or write. Any other error of an exchange is not caused by the connection. */
  brokenBy: unknown;
  #sentBytes = 0;

  /** @param components.memory - all sent and received data is reserved there; unbounded by default */
  constructor(
    components: ConversationParts & { connection: Connection; memory?: Memory },
    { side }: { side: Side },
  ) {
    const { layers, isKnown, keepsState, memory = unboundedMemory } = components;
    this.#memory = memory;
    this.#connection = components.connection;
    this.#layers = layers;
    this.#pacer = components.pacer;
    this.#side = side;
    this.#traffic = components.traffic ?? new StreamTraffic();
    const expectLabel = side === 'acceptor';
    this.#reader = new StreamReader(layers, { expectLabel, isKnown, keepsState, memory });
  }

  /** Bytes on the wire so far, with all layers. */
  get bytes(): { readonly sent: number; readonly received: number } {
    return { sent: this.#sentBytes, received: this.#reader.receivedBytes };
  }

  /** `'ip:port'` of the far end. */
  get peer(): string {
    return this.#connection.remoteAddress;
  }

  /** Whether an installed key decrypted the received data. */
  get wasOpened(): boolean {
    return this.#reader.wasOpened;
  }

  /** Aborted when the conversation has ended: further work for it is useless. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Sends one message: a buffer that includes the type byte, or a function that encodes it. Encoded messages are large:
   * they are encoded one after the other, and their memory stays reserved until the connection has accepted all bytes.
   *
   * @throws MessageTooLargeError when the peer would refuse the encrypted message; any error of the memory
   */
  async send(message: Buffer | MessageSource): Promise<void> {
    const memory = new MemoryPart(this.#memory);
    const work = this.#wrapped(message, memory);
    const bytes = await (message instanceof Function
      ? this.#pacer.runAlone(work, this.ended)
      : this.#pacer.run(work, this.ended));
    this.#sentBytes += bytes.length;
    this.#traffic.bytesOut += bytes.length;
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      this.brokenBy = error;
      throw error;
    }
    memory.releaseAll();
  }

  *#wrapped(source: Buffer | MessageSource, memory: Memory): Sliced<Buffer> {
    const encoding = new MemoryPart(memory);
    const message = source instanceof Function ? yield* source(encoding) : source;
    const wrapped = yield* wrapForStreamSliced(message, this.#layers, memory);
    // Streams are compressed even if that does not make them smaller, so the length is known only now.
    const sealedLength = wrapped.length - SEAL_HEADER_BYTES;
    if (this.#layers.cipher?.sealsOutgoing === true && sealedLength > limits.stateBytes) {
      throw new MessageTooLargeError('the encrypted message', sealedLength, limits.stateBytes);
    }
    this.#traffic.messagesOut.add(message[0]);
    if (wrapped !== message) encoding.releaseAll();
    const { header } = this.#layers.label;
    const isFirst = this.#side === 'dialer' && header.length > 0;
    if (!isFirst) return wrapped;
    memory.reserve(header.length + wrapped.length);
    return Buffer.concat([header, wrapped]);
  }

  /**
   * Receives the peer's message; undefined when the peer ended the stream without sending a byte.
   *
   * @param watch - called after each received chunk, including the last one; its exception ends the call
   * @throws WireError when the message breaks the protocol or a bound, or is incomplete
   */
  async receive(watch?: (progress: Progress) => void): Promise<StreamMessage | undefined> {
    for (;;) {
      const chunk = await this.#nextChunk();
      if (chunk === null) {
        if (this.#reader.receivedBytes === 0) return undefined;
        const { withoutState } = this.#reader;
        if (withoutState === undefined) {
          throw new WireError('truncated', 'the stream ended in the middle of a message');
        }
        this.#traffic.messagesIn.add(withoutState.type);
        return withoutState;
      }
      this.#traffic.bytesIn += chunk.length;
      const message = await this.#pacer.run(this.#reader.take(chunk), this.ended);
      watch?.(this.#reader);
      if (message === undefined) continue;
      this.#traffic.messagesIn.add(message.type);
      return message;
    }
  }

  // If the user state of a push/pull is discarded, everything else has arrived before the stream breaks.
  async #nextChunk(): Promise<Buffer | null> {
    try {
      return await this.#connection.read();
    } catch (error) {
      if (this.#reader.withoutState !== undefined) return null;
      this.brokenBy = error;
      throw error;
    }
  }

  /**
   * Receives the answer to a request.
   *
   * @throws ProtocolError when there is none, or when it is an error response
   */
  async answer(): Promise<StreamMessage> {
    const message = await this.#answerOrEnd('without an answer');
    if (message === undefined) throw new ProtocolError(`${this.peer} closed without an answer`);
    return message;
  }

  /**
   * Resolves when the peer has closed the stream, as every receiver does after reading a message that has no
   * answer. The message contains its length, so this side need not close first. The peer closes first, and its
   * kernel keeps the connection for a minute (TIME_WAIT).
   *
   * @throws ProtocolError when the peer answers; the stream's error when it is reset
   */
  async closedByPeer(): Promise<void> {
    const message = await this.#answerOrEnd('before it had read the message');
    if (message === undefined) return;
    throw new ProtocolError(`${this.peer} answered with message type ${message.type}`);
  }

  async #answerOrEnd(when: string): Promise<StreamMessage | undefined> {
    let message;
    try {
      message = await this.receive();
    } catch (cause) {
      if (!(cause instanceof WireError)) {
        if (this.#reader.receivedBytes > 0 || !isReset(cause)) throw cause;
        throw (this.brokenBy = new Error(`it reset the stream ${when}`, { cause }));
      }
      throw new ProtocolError(`${this.peer} answered what cannot be read: ${cause.message}`, {
        cause,
      });
    }
    if (message?.type === MessageType.err) {
      throw new ProtocolError(`${this.peer} answered: ${message.error}`);
    }
    return message;
  }

  /** Ends this side; written data still arrives. */
  close(): void {
    if (this.ended.aborted) return;
    this.#ended.abort(endedError);
    closeQuietly(this.#connection);
  }

  /**
   * Ends the conversation after a failure. An unanswered request is reset, because the peer must not interpret the
   * end of the stream as a sign that its request was read.
   *
   * @param isImmediate - whether undelivered data is discarded at once, so that none of it stays in memory
   */
  abandon(isImmediate: boolean): void {
    if (this.ended.aborted) return;
    this.#ended.abort(endedError);
    const connection = this.#connection;
    const isUnanswered = this.#side === 'acceptor' && this.#sentBytes === 0;
    if (isUnanswered && connection.reset !== undefined) refuse(connection);
    else if (!isImmediate || connection.destroy === undefined) closeQuietly(connection);
    else quietly(() => connection.destroy?.());
  }
}

const endedError = new Error('the exchange has ended');

function isReset(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'ECONNRESET';
}

/** Ends a stream so that the far end notices that its request was not processed. */
export function refuse(connection: Connection): void {
  if (connection.reset === undefined) closeQuietly(connection);
  else quietly(() => connection.reset?.());
}

/**
 * Runs `work` and ends the conversation when it finishes, or at the deadline, so that a peer that sends one
 * byte per second cannot occupy resources forever.
 *
 * @throws TimeoutError at the deadline; the signal's reason when it is aborted
 */
export async function converse<T>(
  conversation: Conversation,
  deadline: Deadline,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await withDeadline(work(), deadline);
    conversation.close();
    return result;
  } catch (error) {
    const isImmediate = error instanceof TimeoutError || deadline.signal?.aborted === true;
    conversation.abandon(isImmediate);
    throw error;
  }
}

/** Closes a connection. An exception of the transport's `close` does not change the outcome of the exchange. */
export function closeQuietly(connection: Connection): void {
  quietly(() => connection.close());
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // The connection is given up anyway.
  }
}
