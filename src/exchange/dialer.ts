/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our end of the exchanges that we begin: push/pull, stream ping, user message.
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

/** What the dialer works with. */
export interface DiallerComponents extends ConversationParts {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Called when a peer's answer was refused because there is no memory for it. */
  readonly short?: (peer: string, detail: string) => void;
}

/** What becomes of a push/pull's answer. Its memory stays reserved until this is done. */
export type TakeState<T> = (remote: PushPull, memory: Memory, signal: AbortSignal) => Promise<T>;

/** Takes the answer as it is; what it holds is not reserved any more. */
export const keepState: TakeState<PushPull> = (remote) => Promise.resolve(remote);

/** A ping over a stream: whom, its number, and how long the answer may take. */
export interface StreamPing {
  readonly node: string;
  readonly seqNo: number;
  readonly withinMs: number;
}

/** What ends an exchange early. */
export interface ExchangeSignals {
  readonly signal?: AbortSignal | undefined;
  /** Is also aborted when `signal` is; has no effect once the exchange is connected. */
  readonly dialSignal?: AbortSignal | undefined;
}

/** What bounds one exchange. */
interface ExchangeBounds extends ExchangeSignals {
  /** Milliseconds, once there is a connection. */
  readonly timeoutMs: number;
  /** Milliseconds until there is one; `timeoutMs` by default. */
  readonly dialMs?: number;
  readonly memory: Memory;
}

/** Begins exchanges with other nodes. */
export class Dialer {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #parts: ConversationParts;
  readonly #traffic: StreamTraffic;
  readonly #pool: StreamMemory;
  readonly #short: (peer: string, detail: string) => void;
  readonly #queue: SendQueue;
  readonly #timeoutMs: number;

  /** @param init.timeoutMs - for dialling, and again for the exchange */
  constructor(components: DiallerComponents, init: { timeoutMs: number }) {
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
   * Sends our state and receives theirs.
   *
   * @param state - makes our state as a message
   * @param take - told of their state; there is no time limit for what it does
   * @param measured - told of the bytes that it took, if it succeeds
   * @throws TimeoutError, ProtocolError, or the signal's reason; whatever `take` throws
   */
  async pushPull<T>(
    to: Address,
    { state, take }: { state: MessageSource; take: TakeState<T> },
    signals: ExchangeSignals = {},
    measured?: (bytes: { readonly sent: number; readonly received: number }) => void,
  ): Promise<T> {
    const { signal, dialSignal } = signals;
    return this.#withMemory(to, 'push/pull', signal, async (memory, ended) => {
      // Written while the connection is being made; where none comes about nobody asks how it went.
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

  /** Pings over a stream; true when it was answered in time. Rejects with exceptions of our own only. */
  async ping(to: Address, request: StreamPing): Promise<boolean> {
    if (request.withinMs <= 0) return false;
    return this.pingOrSayWhy(to, request).catch((error: unknown) => {
      if (error instanceof MemberlistError) return false;
      throw error;
    });
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
    await this.#queue.run(sending, (dialMs) => {
      // It is the user who decides how much memory this takes.
      const bounds = { timeoutMs: this.#timeoutMs, dialMs, memory: unboundedMemory };
      return this.#exchange(to, 'sending a message', bounds, async (conversation) => {
        await conversation.send(message);
        await conversation.taken();
      });
    });
  }

  /** Messages that wait for their turn reject; none begins any more. */
  stop(): void {
    this.#queue.stop();
  }

  // What is done here has a share of the memory of all streams, and ends when it must give way.
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
    const memory = this.#pool.enter({
      source: sourceOf(to.addr),
      isDialled: true,
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
      memory.leave();
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
        throw new TimeoutError(`dialling ${to.addr}`, Math.round(dialMs), { cause });
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
      // Whatever is neither foreseen nor the connection's is a fault of our own, and must be seen as that.
      if (cause !== conversation.brokenBy) throw cause;
      throw new ProtocolError(`${named} broke off: ${asError(cause).message}`, { cause });
    } finally {
      open.outbound--;
    }
  }
}
