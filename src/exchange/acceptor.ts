/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Answers the streams that peers open: one request per connection, answered, then closed.
import { StreamTraffic, type DropReason } from '../core/counters.js';
import type { Clock } from '../core/ports.js';
import type { MemberlistError } from '../errors.js';
import { asError } from '../runtime/as-error.js';
import type { Connection } from '../transport/transport.js';
import type { Address } from '../wire/address.js';
import type { Memory } from '../wire/memory.js';
import { ForeignLabelError } from '../wire/label.js';
import { limits } from '../wire/limits.js';
import { encodeMessage } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';
import { hostOf, sourceOf } from '../wire/source.js';
import type { Sliced } from '../wire/sliced.js';
import type { PushPull, StreamMessage } from '../wire/stream-codec.js';
import { WireError } from '../wire/wire-error.js';
import { Conversation, converse, refuse, type ConversationParts } from './conversation.js';
import { FairShare, type Share } from './fair-share.js';
import type { Pacer } from './pacer.js';
import { dropReasonOf, isExpectedFailure, Refusal } from './stream-failure.js';
import { StreamMemory, type MemoryShortage, type StreamShare } from './stream-memory.js';
import { TokenBucket } from './token-bucket.js';

/** The node as the acceptor sees it. */
export interface AcceptorHost {
  /** The name of the local node: a ping for another name is not answered. */
  readonly name: string;
  /** The local state as a push/pull message, for the response to a peer. */
  localState(join: boolean, memory: Memory): Sliced<Buffer>;
  /** The reason to refuse a peer's state, with a `cause` if the user refuses it; undefined to accept it. */
  objectionTo(remote: PushPull, memory: Memory): Sliced<MemberlistError | undefined>;
  /** Merges the state of the peer at this `'ip:port'`. */
  merge(remote: PushPull, peer: string): Sliced<undefined>;
  /** Delivers a user message. */
  userMessage(payload: Buffer, from: Address): void;
  /** Whether streams from this IP are accepted (`cidrsAllowed`). */
  allowsIp(ip: string): boolean;
  /** A stream was refused or broke. */
  dropped(from: string, reason: DropReason, detail: string): void;
  /** The exchange threw an unexpected error: a bug in this library, not a fault of the peer. */
  failed(from: string, error: unknown): void;
  /** A stream was dropped because it belongs to another cluster. Called in addition to `dropped`. */
  foreignLabel(from: string, theirs: string, ours: string): void;
}

/** The shares of one stream in the bounded resources. */
interface Shares {
  readonly stream: Share;
  readonly pushPull: Share;
  readonly memory: StreamShare;
  /** Aborted when the stream must give way to streams of other sources. */
  readonly evicted: AbortSignal;
}

/** The dependencies of an {@link Acceptor}. */
export interface AcceptorComponents extends ConversationParts {
  readonly host: AcceptorHost;
  readonly clock: Clock;
}

/** The limits of an {@link Acceptor}. */
export interface AcceptorInit {
  /** Timeout of a whole exchange, in milliseconds. */
  readonly timeoutMs: number;
  /** Maximum number of concurrent streams, if the system allows fewer than `limits.streams`. */
  readonly maxStreams?: number | undefined;
}

/** Answers streams that peers open. */
export class Acceptor {
  readonly #host: AcceptorHost;
  readonly #clock: Clock;
  readonly #parts: ConversationParts;
  readonly #pacer: Pacer;
  readonly #traffic: StreamTraffic;
  readonly #timeoutMs: number;
  readonly #streams: FairShare;
  // One source may use all of these two, because it gives way to other sources when nothing is left.
  readonly #pushPulls = new FairShare({
    total: limits.pushPullExchanges,
    perSource: limits.pushPullExchanges,
  });
  readonly #pool: StreamMemory;
  /** Encrypted error responses to peers that have not proved that they have the key. */
  readonly #unauthenticatedErrors: TokenBucket;

  constructor(components: AcceptorComponents, { timeoutMs, maxStreams = Infinity }: AcceptorInit) {
    const { host, clock, traffic = new StreamTraffic(), pool, ...parts } = components;
    const total = Math.min(limits.streams, maxStreams);
    // Even if few streams are allowed, one source must not use all of them.
    const perSource = Math.min(limits.streamsPerSource, Math.ceil(total / 2));
    this.#streams = new FairShare({ total, perSource });
    this.#pool = pool ?? new StreamMemory();
    this.#unauthenticatedErrors = new TokenBucket(
      { clock },
      { size: limits.strangerErrors, refillMs: limits.strangerErrorMs },
    );
    this.#host = host;
    this.#clock = clock;
    this.#parts = { ...parts, traffic };
    this.#pacer = parts.pacer;
    this.#traffic = traffic;
    this.#timeoutMs = timeoutMs;
  }

  /** Handles one stream; resolves when the stream has ended. */
  async accept(connection: Connection): Promise<void> {
    const { remoteAddress } = connection;
    const shares = this.#sharesFor(remoteAddress);
    const { stream, pushPull, memory } = shares;
    const close = (): void => {
      pushPull.close();
      memory.close();
    };
    try {
      const { work } = await this.#handle(connection, shares);
      // A merge may continue after the deadline, and still uses the memory of its records.
      work.then(close, close);
    } catch (error) {
      close();
      throw error;
    } finally {
      stream.close();
    }
  }

  /** Resolves when the stream has ended, with the work that may continue after it. */
  async #handle(connection: Connection, shares: Shares): Promise<{ readonly work: Promise<void> }> {
    const { remoteAddress } = connection;
    const refusal = this.#refusalOf(remoteAddress, shares);
    if (refusal !== undefined) {
      refuse(connection);
      this.#host.dropped(remoteAddress, refusal.reason, refusal.message);
      return { work: Promise.resolve() };
    }
    const { begun, open } = this.#traffic;
    begun.inbound++;
    open.inbound++;
    const { memory, evicted: signal } = shares;
    const conversation = new Conversation(
      { connection, memory, ...this.#parts },
      { side: 'acceptor' },
    );
    const bounds = { clock: this.#clock, timeoutMs: this.#timeoutMs, what: 'a stream', signal };
    const work = this.#serve(conversation, shares);
    try {
      await converse(conversation, bounds, () => work);
    } catch (error) {
      const isExpected = error === conversation.brokenBy || isExpectedFailure(error);
      if (isExpected) this.#reportDrop(remoteAddress, error);
      else this.#host.failed(remoteAddress, error);
    } finally {
      open.inbound--;
    }
    return { work };
  }

  #reportDrop(remoteAddress: string, error: unknown): void {
    this.#host.dropped(remoteAddress, dropReasonOf(error), asError(error).message);
    if (error instanceof ForeignLabelError) {
      this.#host.foreignLabel(remoteAddress, error.theirs, error.ours);
    }
  }

  #sharesFor(remoteAddress: string): Shares {
    const source = sourceOf(remoteAddress);
    const evicted = new AbortController();
    const open = (resource: FairShare, reason: DropReason, what: string): Share =>
      resource.open(source, () =>
        evicted.abort(new Refusal(reason, `too many ${what}; this source had most`)),
      );
    const evict = (reason: MemoryShortage): void => evicted.abort(reason);
    return {
      stream: open(this.#streams, 'too-many-streams', 'streams'),
      pushPull: open(this.#pushPulls, 'too-many-exchanges', 'push/pull exchanges at once'),
      memory: this.#pool.open({ source, isOutbound: false, evict }),
      evicted: evicted.signal,
    };
  }

  // The reason to refuse a stream without reading from it.
  #refusalOf(remoteAddress: string, { stream }: Shares): Refusal | undefined {
    const host = hostOf(remoteAddress);
    if (!this.#host.allowsIp(host)) {
      return new Refusal('not-allowed', `${host} is not in cidrsAllowed`);
    }
    if (stream.acquire(1)) return undefined;
    return new Refusal('too-many-streams', `${this.#streams.used} streams are open already`);
  }

  async #serve(conversation: Conversation, shares: Shares): Promise<void> {
    const request = await this.#request(conversation, shares);
    if (request !== undefined) await this.#answer(conversation, request, shares);
  }

  async #request(
    conversation: Conversation,
    { pushPull }: Shares,
  ): Promise<StreamMessage | undefined> {
    let isCounted = false;
    try {
      return await conversation.receive(({ isPushPull }) => {
        // A push/pull counts from its first bytes, because the received part already uses memory.
        if (!isPushPull || isCounted) return;
        isCounted = pushPull.acquire(1);
        if (!isCounted) {
          throw new Refusal('too-many-exchanges', 'too many push/pull exchanges at once');
        }
      });
    } catch (error) {
      if (this.#mayRespondWith(error, conversation)) {
        // If sending the error fails, the original error is still the one to report.
        await conversation.send(errorMessage((error as Error).message)).catch(() => undefined);
      }
      throw error;
    }
  }

  // Whether the peer receives an error response. A peer with another label receives nothing, and when memory is short,
  // this node does not wait for a peer that may not read.
  #mayRespondWith(error: unknown, conversation: Conversation): boolean {
    const isExplained = error instanceof WireError || error instanceof Refusal;
    if (!isExplained || dropReasonOf(error) === 'bad-label') return false;
    const isEncrypted = this.#parts.layers.cipher?.sealsOutgoing === true;
    if (!isEncrypted || conversation.wasOpened) return true;
    // Each encrypted message uses up the key a little, and a peer without the key may connect without limit.
    const isAllowed = this.#unauthenticatedErrors.take();
    if (!isAllowed) this.#traffic.withheldErrors++;
    return isAllowed;
  }

  async #answer(conversation: Conversation, request: StreamMessage, shares: Shares): Promise<void> {
    switch (request.type) {
      case MessageType.ping: {
        if (request.node !== '' && request.node !== this.#host.name) {
          this.#host.dropped(conversation.peer, 'misaddressed', `a ping for ${request.node}`);
          return;
        }
        const ack = { type: MessageType.ackResp, seqNo: request.seqNo, payload: null };
        return conversation.send(encodeMessage(ack));
      }
      case MessageType.user: {
        this.#host.userMessage(request.payload, { addr: conversation.peer });
        return;
      }
      case MessageType.pushPull:
        return this.#pushPull(conversation, request, shares);
      default:
        throw new WireError('unknown-type', `message type ${request.type} as a request`);
    }
  }

  async #pushPull(
    conversation: Conversation,
    remote: PushPull,
    { memory, evicted }: Shares,
  ): Promise<void> {
    const { ended } = conversation;
    const objection = await this.#pacer.run(this.#host.objectionTo(remote, memory), ended);
    if (objection !== undefined) {
      // Sends the reason instead of the state. Go sends its state first, so the peer never learns of the refusal.
      await conversation.send(errorMessage(objection.message));
      const isByUser = objection.cause !== undefined;
      throw new Refusal(isByUser ? 'refused-merge' : 'incompatible', objection.message);
    }
    // A completely received state is merged, even if that takes longer than the deadline of the exchange.
    const merge = (): Promise<undefined> =>
      this.#pacer.run(this.#host.merge(remote, conversation.peer), evicted);
    // The stream may have broken within a user state that was too large. Then the response fails, so merge first.
    const isStateMissing = remote.discardedStateBytes !== undefined;
    if (isStateMissing) await merge();
    await conversation.send((space) => this.#host.localState(remote.join, space));
    if (!isStateMissing) await merge();
  }
}

function errorMessage(error: string): Buffer {
  return encodeMessage({ type: MessageType.err, error });
}
