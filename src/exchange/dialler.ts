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

/** Begins exchanges with other nodes. */
export class Dialler {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #parts: ConversationParts;
  readonly #traffic: StreamTraffic;
  readonly #timeoutMs: number;

  /** @param init.timeoutMs - for dialling, and again for the exchange */
  constructor(components: DiallerComponents, init: { timeoutMs: number }) {
    const { transport, clock, traffic = new StreamTraffic(), ...parts } = components;
    this.#transport = transport;
    this.#clock = clock;
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
    return this.#exchange(to, 'push/pull', this.#timeoutMs, signal, async (conversation) => {
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
   * @throws TimeoutError; ProtocolError; the signal's reason
   */
  async pingOrSayWhy(
    to: Address,
    { node, seqNo, withinMs }: StreamPing,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const source = { sourceAddr: noBytes, sourcePort: 0, sourceNode: '' };
    const message = encodeMessage({ type: MessageType.ping, seqNo, node, ...source });
    return this.#exchange(to, 'stream ping', withinMs, signal, async (conversation) => {
      await conversation.send(message);
      const answer = await conversation.answer();
      return answer.type === MessageType.ackResp && answer.seqNo === seqNo;
    });
  }

  /**
   * Sends a user message.
   *
   * @throws MessageTooLargeError over 20 MiB; TimeoutError; ProtocolError
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
    await this.#exchange(to, 'sending a message', this.#timeoutMs, undefined, (conversation) =>
      conversation.send(message),
    );
  }

  async #exchange<T>(
    to: Address,
    what: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    work: (conversation: Conversation) => Promise<T>,
  ): Promise<T> {
    const named = `${what} with ${to.addr}`;
    let connection: Connection;
    try {
      connection = await this.#transport.dial(to, { timeout: timeoutMs, signal });
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason;
      const { message, code } = cause as Error & { code?: unknown };
      if (code === 'ETIMEDOUT') throw new TimeoutError(`dialling ${to.addr}`, timeoutMs, { cause });
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
