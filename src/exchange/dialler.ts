/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our end of the exchanges that we begin: push/pull, stream ping, user message.
import { StreamTraffic } from '../core/counters.js';
import type { Clock } from '../core/ports.js';
import { MemberlistError, MessageTooLargeError, ProtocolError, TimeoutError } from '../errors.js';
import type { Connection, Transport } from '../transport/transport.js';
import type { Address } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { encodeMessage } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';
import { noBytes } from '../wire/messages.js';
import type { Sliced } from '../wire/sliced.js';
import { encodeUserMessage, type PushPull } from '../wire/stream-codec.js';
import { Conversation, converse, type ConversationParts } from './conversation.js';
import { SendQueue } from './send-queue.js';

/** What the dialler works with. */
export interface DiallerComponents extends ConversationParts {
  readonly transport: Transport;
  readonly clock: Clock;
}

/** A ping over a stream: whom, its number, and how long the answer may take. */
export interface StreamPing {
  readonly node: string;
  readonly seqNo: number;
  readonly withinMs: number;
}

/** How long an exchange may take. */
interface Bounds {
  readonly what: string;
  /** Milliseconds, once there is a connection. */
  readonly timeoutMs: number;
  /** Milliseconds until there is one; `timeoutMs` by default. */
  readonly dialMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Begins exchanges with other nodes. */
export class Dialler {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #parts: ConversationParts;
  readonly #traffic: StreamTraffic;
  readonly #queue: SendQueue;
  readonly #timeoutMs: number;

  /** @param init.timeoutMs - for dialling, and again for the exchange */
  constructor(components: DiallerComponents, init: { timeoutMs: number }) {
    const { transport, clock, traffic = new StreamTraffic(), ...parts } = components;
    this.#transport = transport;
    this.#clock = clock;
    this.#queue = new SendQueue({ clock });
    this.#parts = { ...parts, traffic };
    this.#traffic = traffic;
    this.#timeoutMs = init.timeoutMs;
  }

  /**
   * Sends our state, given as the message that it is, and receives theirs.
   *
   * @param measured - told of the bytes that it took, if it succeeds
   * @throws TimeoutError, ProtocolError, or the signal's reason
   */
  async pushPull(
    to: Address,
    state: Sliced<Buffer>,
    signal?: AbortSignal,
    measured?: (bytes: { readonly sent: number; readonly received: number }) => void,
  ): Promise<PushPull> {
    // Written while the connection is being made; where none comes about nobody asks how it went.
    const message = this.#parts.pacer.run(state);
    message.catch(() => undefined);
    const bounds = { what: 'push/pull', timeoutMs: this.#timeoutMs, signal };
    return this.#exchange(to, bounds, async (conversation) => {
      await conversation.send(await message);
      const answer = await conversation.answer();
      if (answer.type !== MessageType.pushPull) {
        throw new ProtocolError(`${to.addr} answered a push/pull with message type ${answer.type}`);
      }
      measured?.(conversation.bytes);
      return answer;
    });
  }

  /** Pings over a stream; true when it was answered in time. Never rejects. */
  async ping(to: Address, request: StreamPing): Promise<boolean> {
    if (request.withinMs <= 0) return false;
    return this.pingOrSayWhy(to, request).catch(() => false);
  }

  /**
   * Pings over a stream; true when it was answered, false when something else was.
   *
   * @throws TimeoutError; ProtocolError
   */
  async pingOrSayWhy(to: Address, { node, seqNo, withinMs }: StreamPing): Promise<boolean> {
    const source = { sourceAddr: noBytes, sourcePort: 0, sourceNode: '' };
    const message = encodeMessage({ type: MessageType.ping, seqNo, node, ...source });
    const bounds = { what: 'stream ping', timeoutMs: withinMs };
    return this.#exchange(to, bounds, async (conversation) => {
      await conversation.send(message);
      const answer = await conversation.answer();
      return answer.type === MessageType.ackResp && answer.seqNo === seqNo;
    });
  }

  /**
   * Sends a user message, when its turn has come; resolves when the other side has read it and closed the stream.
   *
   * @throws MessageTooLargeError over 20 MiB; BusyError when too much waits; TimeoutError; ProtocolError, also when
   *   the stream is reset: the message was not read then, or only its end is unknown
   */
  async userMessage(to: Address, payload: Uint8Array): Promise<void> {
    const { cipher } = this.#parts.layers;
    if (payload.length > limits.userStreamBytes) {
      throw new MessageTooLargeError('the message', payload.length, limits.userStreamBytes);
    }
    const message = encodeUserMessage(payload);
    const sealedLength = cipher?.sealsOutgoing === true ? cipher.sealedLength(message.length) : 0;
    if (sealedLength > limits.stateBytes) {
      throw new MessageTooLargeError('the encrypted message', sealedLength, limits.stateBytes);
    }
    const sending = { to: to.addr, bytes: message.length, timeoutMs: this.#timeoutMs };
    await this.#queue.run(sending, (dialMs) =>
      this.#exchange(
        to,
        { what: 'sending a message', timeoutMs: this.#timeoutMs, dialMs },
        async (conversation) => {
          await conversation.send(message);
          await conversation.taken();
        },
      ),
    );
  }

  /** Messages that wait for their turn reject; none begins any more. */
  stop(): void {
    this.#queue.stop();
  }

  async #exchange<T>(
    to: Address,
    { what, timeoutMs, dialMs = timeoutMs, signal }: Bounds,
    work: (conversation: Conversation) => Promise<T>,
  ): Promise<T> {
    const named = `${what} with ${to.addr}`;
    let connection: Connection;
    try {
      connection = await this.#transport.dial(to, { timeout: dialMs, signal });
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason;
      const { message, code } = cause as Error & { code?: unknown };
      if (code === 'ETIMEDOUT')
        throw new TimeoutError(`dialling ${to.addr}`, Math.round(dialMs), { cause });
      throw new ProtocolError(`${to.addr} could not be reached: ${message}`, { cause });
    }
    const bounds = { clock: this.#clock, timeoutMs, signal, what: named };
    const { begun, open } = this.#traffic;
    begun.dialler++;
    open.dialler++;
    try {
      const conversation = new Conversation({ connection, ...this.#parts }, { side: 'dialler' });
      return await converse(connection, bounds, () => work(conversation));
    } catch (cause) {
      if (cause instanceof MemberlistError || signal?.aborted === true) throw cause;
      throw new ProtocolError(`${named} broke off: ${(cause as Error).message}`, { cause });
    } finally {
      open.dialler--;
    }
  }
}
