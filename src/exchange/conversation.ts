/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One request and its answer over one connection, under one deadline.
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

/** Which end of the connection we are: the dialer sends the label, the other expects it. */
export type Side = 'dialer' | 'acceptor';

/** What is known of a message while it comes. */
export interface Progress {
  /** Whether it is known to be a push/pull. */
  readonly isPushPull: boolean;
}

/** Makes a message, its type byte included; what it allocates it reserves of the memory. */
export type MessageSource = (memory: Memory) => Sliced<Buffer>;

/** What all conversations of a node have in common. */
export interface ConversationParts {
  readonly layers: StreamLayers;
  readonly pacer: Pacer;
  /** The memory that those have in common which a peer can make large. */
  readonly pool?: StreamMemory;
  /** Where they are counted. */
  readonly traffic?: StreamTraffic;
  /** Which records of a push/pull are left out when it is read. */
  readonly isKnown?: IsKnown | undefined;
  /** Whether the user state of a push/pull is kept. */
  readonly keepsState?: (() => boolean) | undefined;
}

/** A connection as messages. */
export class Conversation {
  readonly #connection: Connection;
  readonly #layers: StreamLayers;
  readonly #pacer: Pacer;
  readonly #side: Side;
  readonly #reader: StreamReader;
  readonly #traffic: StreamTraffic;
  readonly #memory: Memory;
  readonly #over = new AbortController();
  /** What reading or writing failed with. Anything else that an exchange throws is not the connection's fault. */
  brokenBy: unknown;
  #sentBytes = 0;

  /** @param components.memory - of it all is reserved that is sent and received; without a bound by default */
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

  /** Whether an installed key opened what was received. */
  get wasOpened(): boolean {
    return this.#reader.wasOpened;
  }

  /** Aborted when the conversation is over: what is still done for it is in vain. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /**
   * Sends one message, given with its type byte, or made here. What is made is large: it is made one after the
   * other, and its memory stays reserved until the connection took all of it.
   *
   * @throws MessageTooLargeError when the other side would refuse it once it is encrypted; whatever the memory throws
   */
  async send(message: Buffer | MessageSource): Promise<void> {
    const memory = new MemoryPart(this.#memory);
    const work = this.#wrapped(message, memory);
    const bytes = await (message instanceof Function
      ? this.#pacer.runAlone(work, this.over)
      : this.#pacer.run(work, this.over));
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
    const making = new MemoryPart(memory);
    const message = source instanceof Function ? yield* source(making) : source;
    const wrapped = yield* wrapForStreamSliced(message, this.#layers, memory);
    // Compression is applied even where it does not shrink, so this is known only now.
    const sealedLength = wrapped.length - SEAL_HEADER_BYTES;
    if (this.#layers.cipher?.sealsOutgoing === true && sealedLength > limits.stateBytes) {
      throw new MessageTooLargeError('the encrypted message', sealedLength, limits.stateBytes);
    }
    this.#traffic.messagesOut.add(message[0]);
    if (wrapped !== message) making.releaseAll();
    const { header } = this.#layers.label;
    const isFirst = this.#side === 'dialer' && header.length > 0;
    if (!isFirst) return wrapped;
    memory.reserve(header.length + wrapped.length);
    return Buffer.concat([header, wrapped]);
  }

  /**
   * The other side's message; undefined when it ended the stream without a byte.
   *
   * @param watch - called after each piece that came, the last one too; what it throws ends this
   * @throws WireError when it breaks the protocol or a bound, or ends in the middle
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
      const message = await this.#pacer.run(this.#reader.take(chunk), this.over);
      watch?.(this.#reader);
      if (message === undefined) continue;
      this.#traffic.messagesIn.add(message.type);
      return message;
    }
  }

  // Of a push/pull whose user state is not kept, all that counts has come before the stream breaks.
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
   * The answer to what we asked.
   *
   * @throws ProtocolError when there is none, or it is an error
   */
  async answer(): Promise<StreamMessage> {
    const message = await this.#answerOrEnd('without an answer');
    if (message === undefined) throw new ProtocolError(`${this.peer} closed without an answer`);
    return message;
  }

  /**
   * Resolves when the other side has closed the stream, as every receiver does once it has read a message that
   * takes no answer. The message shows its own end, so this side need not close first: the other side does,
   * and it is there that the kernel remembers the connection for a minute (TIME_WAIT).
   *
   * @throws ProtocolError when it answers; the stream's error when it is reset
   */
  async taken(): Promise<void> {
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

  /** Ends our side; what was written still arrives. */
  close(): void {
    if (this.over.aborted) return;
    this.#over.abort(isOver);
    closeQuietly(this.#connection);
  }

  /**
   * Ends after a failure. A request that is left unanswered is reset: the peer must not take the end of the stream for
   * a sign that its request was read.
   *
   * @param isCutOff - whether everything ends at once: what was not delivered is lost, and none of it stays in memory
   */
  abandon(isCutOff: boolean): void {
    if (this.over.aborted) return;
    this.#over.abort(isOver);
    const connection = this.#connection;
    const isUnanswered = this.#side === 'acceptor' && this.#sentBytes === 0;
    if (isUnanswered && connection.reset !== undefined) refuse(connection);
    else if (!isCutOff || connection.destroy === undefined) closeQuietly(connection);
    else quietly(() => connection.destroy?.());
  }
}

const isOver = new Error('the exchange is over');

function isReset(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'ECONNRESET';
}

/** Ends a stream so that its far end notices that its request was not taken. */
export function refuse(connection: Connection): void {
  if (connection.reset === undefined) closeQuietly(connection);
  else quietly(() => connection.reset?.());
}

/**
 * Runs `work` and ends the conversation when it is done, or when time is up: a peer that sends one
 * byte a second holds nothing for ever.
 *
 * @throws TimeoutError when time is up; the signal's reason when it is aborted
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
    const isCutOff = error instanceof TimeoutError || deadline.signal?.aborted === true;
    conversation.abandon(isCutOff);
    throw error;
  }
}

/** Closes a connection. What a transport's `close` throws changes nothing about how the exchange ended. */
export function closeQuietly(connection: Connection): void {
  quietly(() => connection.close());
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // There is nothing else to do with it.
  }
}
