/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The exchanges that this node starts: push/pull, stream ping, user message.
import { StreamTraffic } from '../core/counters.js';
import type { Clock } from '../core/ports.js';
import { MemberlistError, MessageTooLargeError, ProtocolError, TimeoutError } from '../errors.js';
import { asError } from '../runtime/as-error.js';
import type { Connection, Transport } from '../transport/transport.js';
import type { Address } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { encodeMessage } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';
import { noBytes } from '../wire/messages.js';
import { unboundedMemory, type Memory } from '../wire/memory.js';
import { sourceOf } from '../wire/source.js';
import { encodeUserMessage, type PushPull } from '../wire/stream-codec.js';
import {
  Conversation,
  converse,
  type ConversationParts,
  type MessageSource,
} from './conversation.js';
import { SendQueue } from './send-queue.js';
import { MemoryShortage, StreamMemory } from './stream-memory.js';

/** The dependencies of the dialer. */
export interface DialerComponents extends ConversationParts {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Called when a peer's answer was refused because there is not enough memory. */
  readonly short?: (peer: string, detail: string) => void;
}

/** Handles the answer of a push/pull. The memory of the answer stays reserved until the promise is settled. */
export type TakeState<T> = (remote: PushPull, memory: Memory, signal: AbortSignal) => Promise<T>;

/** Returns the answer unchanged; afterwards its memory is no longer reserved. */
export const keepState: TakeState<PushPull> = (remote) => Promise.resolve(remote);

/** A ping over a stream. */
export interface StreamPing {
  /** The name of the pinged node. */
  readonly node: string;
  readonly seqNo: number;
  /** The timeout in milliseconds. */
  readonly withinMs: number;
}

/** The signals that end an exchange early. */
export interface ExchangeSignals {
  readonly signal?: AbortSignal | undefined;
  /** Cancels dialing only: it has no effect once the exchange is connected. `signal` cancels dialing as well. */
  readonly dialSignal?: AbortSignal | undefined;
}

/** The limits of one exchange. */
interface ExchangeBounds extends ExchangeSignals {
  /** Milliseconds for the exchange, after the connection is established. */
  readonly timeoutMs: number;
  /** Milliseconds for dialing; `timeoutMs` by default. */
  readonly dialMs?: number;
  readonly memory: Memory;
}

/** Starts exchanges with other nodes. */
export class Dialer {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #parts: ConversationParts;
  readonly #traffic: StreamTraffic;
  readonly #pool: StreamMemory;
  readonly #short: (peer: string, detail: string) => void;
  readonly #queue: SendQueue;
  readonly #timeoutMs: number;

  /** @param init.timeoutMs - the timeout of dialing, and the timeout of the exchange */
  constructor(components: DialerComponents, init: { timeoutMs: number }) {
    const { transport, clock, traffic = new StreamTraffic(), pool, short, ...parts } = components;
    this.#transport = transport;
    this.#clock = clock;
    this.#queue = new SendQueue({ clock });
    this.#parts = { ...parts, traffic };
    this.#traffic = traffic;
    this.#pool = pool ?? new StreamMemory();
    this.#short = short ?? (() => undefined);
    this.#timeoutMs = init.timeoutMs;
  }

  /**
   * Sends the local state and receives the peer's state.
   *
   * @param state - encodes the local state as a message
   * @param take - receives the peer's state; it has no timeout
   * @param measured - receives the number of bytes on the wire, if the exchange succeeds
   * @throws TimeoutError, ProtocolError, or the signal's reason; any error of `take`
   */
  async pushPull<T>(
    to: Address,
    { state, take }: { state: MessageSource; take: TakeState<T> },
    signals: ExchangeSignals = {},
    measured?: (bytes: { readonly sent: number; readonly received: number }) => void,
  ): Promise<T> {
    const { signal, dialSignal } = signals;
    return this.#withMemory(to, 'push/pull', signal, async (memory, ended) => {
      // Encoded while the connection is established. If dialing fails, the result and any error are ignored.
      const message = this.#parts.pacer.run(state(memory), ended);
      message.catch(() => undefined);
      const untilConnected =
        dialSignal === undefined ? ended : AbortSignal.any([ended, dialSignal]);
      const bounds = {
        timeoutMs: this.#timeoutMs,
        signal: ended,
        dialSignal: untilConnected,
        memory,
      };
      const remote = await this.#exchange(to, 'push/pull', bounds, async (conversation) => {
        await conversation.send(await message);
        const answer = await conversation.answer();
        if (answer.type !== MessageType.pushPull) {
          throw new ProtocolError(
            `${to.addr} answered a push/pull with message type ${answer.type}`,
          );
        }
        measured?.(conversation.bytes);
        return answer;
      });
      return take(remote, memory, ended);
    });
  }

  /** Pings over a stream; true when the ping was answered in time. Rejects only with bugs of this library. */
  async ping(to: Address, request: StreamPing): Promise<boolean> {
    if (request.withinMs <= 0) return false;
    return this.pingOrThrow(to, request).catch((error: unknown) => {
      if (error instanceof MemberlistError) return false;
      throw error;
    });
  }

  /**
   * Pings over a stream; true when the answer is the ack of this ping, false for any other answer.
   *
   * @throws TimeoutError; ProtocolError; the signal's reason
   */
  async pingOrThrow(
    to: Address,
    { node, seqNo, withinMs }: StreamPing,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const source = { sourceAddr: noBytes, sourcePort: 0, sourceNode: '' };
    const message = encodeMessage({ type: MessageType.ping, seqNo, node, ...source });
    return this.#withMemory(to, 'stream ping', signal, (memory, ended) =>
      this.#exchange(
        to,
        'stream ping',
        { timeoutMs: withinMs, signal: ended, memory },
        async (conversation) => {
          await conversation.send(message);
          const answer = await conversation.answer();
          return answer.type === MessageType.ackResp && answer.seqNo === seqNo;
        },
      ),
    );
  }

  /**
   * Queues and sends a user message; resolves when the peer has read it and closed the stream.
   *
   * @throws MessageTooLargeError over 20 MiB; BusyError when the queue is full; TimeoutError; ProtocolError, also when
   *   the stream is reset: then the message was not read, or only the confirmation is missing
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
    await this.#queue.run(sending, (dialMs) => {
      // The local user, not a peer, decides how much memory this uses.
      const bounds = { timeoutMs: this.#timeoutMs, dialMs, memory: unboundedMemory };
      return this.#exchange(to, 'sending a message', bounds, async (conversation) => {
        await conversation.send(message);
        await conversation.closedByPeer();
      });
    });
  }

  /** Rejects all queued messages; no further message is sent. */
  stop(): void {
    this.#queue.stop();
  }

  // Runs `work` with a share of the memory of all streams. The work is aborted when its share is evicted.
  async #withMemory<T>(
    to: Address,
    what: string,
    signal: AbortSignal | undefined,
    work: (memory: Memory, ended: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const ended = new AbortController();
    const abort = (): void => ended.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    const memory = this.#pool.open({
      source: sourceOf(to.addr),
      isOutbound: true,
      evict: (reason) => ended.abort(reason),
    });
    try {
      return await work(memory, ended.signal);
    } catch (cause) {
      if (!(cause instanceof MemoryShortage)) throw cause;
      this.#short(to.addr, cause.message);
      throw new ProtocolError(`${what} with ${to.addr} broke off: ${cause.message}`, { cause });
    } finally {
      signal?.removeEventListener('abort', abort);
      memory.close();
    }
  }

  async #exchange<T>(
    to: Address,
    what: string,
    { timeoutMs, dialMs = timeoutMs, signal, dialSignal = signal, memory }: ExchangeBounds,
    work: (conversation: Conversation) => Promise<T>,
  ): Promise<T> {
    const named = `${what} with ${to.addr}`;
    let connection: Connection;
    try {
      connection = await this.#transport.dial(to, { timeout: dialMs, signal: dialSignal });
    } catch (cause) {
      if (dialSignal?.aborted === true) throw dialSignal.reason;
      const { message, code } = asError(cause) as Error & { code?: unknown };
      if (code === 'ETIMEDOUT') {
        throw new TimeoutError(`dialing ${to.addr}`, Math.round(dialMs), { cause });
      }
      throw new ProtocolError(`${to.addr} could not be reached: ${message}`, { cause });
    }
    const bounds = { clock: this.#clock, timeoutMs, signal, what: named };
    const { begun, open } = this.#traffic;
    begun.outbound++;
    open.outbound++;
    const conversation = new Conversation(
      { connection, memory, ...this.#parts },
      { side: 'dialer' },
    );
    try {
      return await converse(conversation, bounds, () => work(conversation));
    } catch (cause) {
      if (cause instanceof MemberlistError || signal?.aborted === true) throw cause;
      // An error that is neither expected nor from the connection is a bug in this library: pass it on unchanged.
      if (cause !== conversation.brokenBy) throw cause;
      throw new ProtocolError(`${named} broke off: ${asError(cause).message}`, { cause });
    } finally {
      open.outbound--;
    }
  }
}
