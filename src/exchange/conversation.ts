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
import type { IsKnown } from '../wire/record-glance.js';
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

/** Which end of the connection we are: the dialler sends the label, the other expects it. */
export type Side = 'dialler' | 'acceptor';

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
    const { layers, isKnown, memory = unboundedMemory } = components;
    this.#memory = memory;
    this.#connection = components.connection;
    this.#layers = layers;
    this.#pacer = components.pacer;
    this.#side = side;
    this.#traffic = components.traffic ?? new StreamTraffic();
    this.#reader = new StreamReader(layers, {
      expectLabel: side === 'acceptor',
      isKnown,
      memory,
    });
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
    const isFirst = this.#side === 'dialler' && header.length > 0;
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
      let chunk: Buffer | null;
      try {
        chunk = await this.#connection.read();
      } catch (error) {
        this.brokenBy = error;
        throw error;
      }
      if (chunk === null) {
        if (this.#reader.receivedBytes === 0) return undefined;
        throw new WireError('truncated', 'the stream ended in the middle of a message');
      }
      this.#traffic.bytesIn += chunk.length;
      const message = await this.#pacer.run(this.#reader.take(chunk), this.over);
      watch?.(this.#reader);
      if (message === undefined) continue;
      this.#traffic.messagesIn.add(message.type);
      return message;
    }
  }

  /**
   * The answer to what we asked.
   *
   * @throws ProtocolError when there is none, or it is an error
   */
  async answer(): Promise<StreamMessage> {
    let message;
    try {
      message = await this.receive();
    } catch (cause) {
      if (!(cause instanceof WireError)) throw cause;
      throw new ProtocolError(`${this.peer} answered what cannot be read: ${cause.message}`, {
        cause,
      });
    }
    if (message === undefined) throw new ProtocolError(`${this.peer} closed without an answer`);
    if (message.type === MessageType.err) {
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

  /** Ends everything at once: what was not delivered is lost, and nothing of it stays in memory. */
  breakOff(): void {
    this.#over.abort(isOver);
    if (this.#connection.destroy === undefined) closeQuietly(this.#connection);
    else this.#connection.destroy();
  }
}

const isOver = new Error('the exchange is over');

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
    return await withDeadline(work(), deadline);
  } catch (error) {
    if (error instanceof TimeoutError || deadline.signal?.aborted === true) conversation.breakOff();
    throw error;
  } finally {
    conversation.close();
  }
}

/** Closes a connection. What a transport's `close` throws changes nothing about how the exchange ended. */
export function closeQuietly(connection: Connection): void {
  try {
    connection.close();
  } catch {
    // There is nothing else to do with it.
  }
}
