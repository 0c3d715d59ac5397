/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our end of the exchanges that others begin: one request a connection, answered, then closed.
import { StreamTraffic, type DropReason } from '../core/counters.js';
import type { Clock } from '../core/ports.js';
import { MemberlistError, TimeoutError } from '../errors.js';
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
import { MemoryShortage, StreamMemory, type StreamShare } from './stream-memory.js';
import { TokenBucket } from './token-bucket.js';

/** What the acceptor asks of the node. */
export interface AcceptorHost {
  /** Our name: a ping for somebody else is not answered. */
  readonly name: string;
  /** Our state as a push/pull message, for the answer to theirs. */
  localState(join: boolean, memory: Memory): Sliced<Buffer>;
  /** Why their state is refused, with a cause if it is the user who does; undefined when it is not. */
  objectionTo(remote: PushPull, memory: Memory): Sliced<MemberlistError | undefined>;
  /** Takes the state of the peer at this `'ip:port'`. */
  merge(remote: PushPull, peer: string): Sliced<undefined>;
  userMessage(payload: Buffer, from: Address): void;
  /** Whether streams from this IP are taken (`cidrsAllowed`). */
  allowsIp(ip: string): boolean;
  /** A stream was refused or broke. */
  dropped(from: string, reason: DropReason, detail: string): void;
  /** The exchange threw what it should not: a fault of this library, not of the peer. */
  failed(from: string, error: unknown): void;
  /** It broke because it belongs to another cluster; said beside `dropped`. */
  foreignLabel(from: string, theirs: string, ours: string): void;
}

/** What one stream has of what there is to share. */
interface Shares {
  readonly stream: Share;
  readonly pushPull: Share;
  readonly memory: StreamShare;
  /** Aborted when it must give way to others. */
  readonly overtaken: AbortSignal;
}

/** What an {@link Acceptor} works with. */
export interface AcceptorComponents extends ConversationParts {
  readonly host: AcceptorHost;
  readonly clock: Clock;
}

/** What an {@link Acceptor} keeps to. */
export interface AcceptorInit {
  /** For a whole exchange, in milliseconds. */
  readonly timeoutMs: number;
  /** Streams at once, if the system allows fewer than `limits.streams`. */
  readonly maxStreams?: number | undefined;
}

/** Answers streams that others open. */
export class Acceptor {
  readonly #host: AcceptorHost;
  readonly #clock: Clock;
  readonly #parts: ConversationParts;
  readonly #pacer: Pacer;
  readonly #traffic: StreamTraffic;
  readonly #timeoutMs: number;
  readonly #streams: FairShare;
  // Of these two one source may have all, for it gives way to others when there is no more.
  readonly #pushPulls = new FairShare({
    total: limits.pushPullExchanges,
    perSource: limits.pushPullExchanges,
  });
  readonly #pool: StreamMemory;
  /** Sealed errors for those that have not shown that they have the key. */
  readonly #errorsForStrangers: TokenBucket;

  constructor(components: AcceptorComponents, { timeoutMs, maxStreams = Infinity }: AcceptorInit) {
    const { host, clock, traffic = new StreamTraffic(), pool, ...parts } = components;
    const total = Math.min(limits.streams, maxStreams);
    // Of few streams one source must not have all either.
    const perSource = Math.min(limits.streamsPerSource, Math.ceil(total / 2));
    this.#streams = new FairShare({ total, perSource });
    this.#pool = pool ?? new StreamMemory();
    this.#errorsForStrangers = new TokenBucket(
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

  /** Takes one stream to its end. */
  async accept(connection: Connection): Promise<void> {
    const { remoteAddress } = connection;
    const shares = this.#sharesFor(remoteAddress);
    const { stream, pushPull, memory } = shares;
    const leave = (): void => {
      pushPull.leave();
      memory.leave();
    };
    try {
      const { work } = await this.#take(connection, shares);
      // What is merged after the deadline still holds its records.
      work.then(leave, leave);
    } catch (error) {
      leave();
      throw error;
    } finally {
      stream.leave();
    }
  }

  /** Resolves when the stream is over, with the work that may still go on for it. */
  async #take(connection: Connection, shares: Shares): Promise<{ readonly work: Promise<void> }> {
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
    const { memory, overtaken: signal } = shares;
    const conversation = new Conversation(
      { connection, memory, ...this.#parts },
      { side: 'acceptor' },
    );
    const bounds = { clock: this.#clock, timeoutMs: this.#timeoutMs, what: 'a stream', signal };
    const work = this.#serve(conversation, shares);
    try {
      await converse(conversation, bounds, () => work);
    } catch (error) {
      if (error === conversation.brokenBy || isForeseen(error)) this.#broke(remoteAddress, error);
      else this.#host.failed(remoteAddress, error);
    } finally {
      open.inbound--;
    }
    return { work };
  }

  #broke(remoteAddress: string, error: unknown): void {
    this.#host.dropped(remoteAddress, reasonFor(error), asError(error).message);
    if (error instanceof ForeignLabelError) {
      this.#host.foreignLabel(remoteAddress, error.theirs, error.ours);
    }
  }

  #sharesFor(remoteAddress: string): Shares {
    const source = sourceOf(remoteAddress);
    const overtaken = new AbortController();
    const give = (of: FairShare, reason: DropReason, what: string): Share =>
      of.enter(source, () =>
        overtaken.abort(new Refusal(reason, `too many ${what}; this source had most`)),
      );
    const evict = (reason: MemoryShortage): void => overtaken.abort(reason);
    return {
      stream: give(this.#streams, 'too-many-streams', 'streams'),
      pushPull: give(this.#pushPulls, 'too-many-exchanges', 'push/pull exchanges at once'),
      memory: this.#pool.enter({ source, isDialled: false, evict }),
      overtaken: overtaken.signal,
    };
  }

  // Why a stream is not even looked at.
  #refusalOf(remoteAddress: string, { stream }: Shares): Refusal | undefined {
    const host = hostOf(remoteAddress);
    if (!this.#host.allowsIp(host)) {
      return new Refusal('not-allowed', `${host} is not in cidrsAllowed`);
    }
    if (stream.take(1)) return undefined;
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
        // A push/pull counts from its first bytes on: what is being received takes memory already.
        if (!isPushPull || isCounted) return;
        isCounted = pushPull.take(1);
        if (!isCounted) {
          throw new Refusal('too-many-exchanges', 'too many push/pull exchanges at once');
        }
      });
    } catch (error) {
      if (this.#isTold(error, conversation)) {
        // If they cannot be told, what was wrong is still what was wrong.
        await conversation.send(errorMessage((error as Error).message)).catch(() => undefined);
      }
      throw error;
    }
  }

  // A stranger with another label learns nothing from us, and where memory is short nobody waits
  // for whoever does not read; others are told what was wrong.
  #isTold(error: unknown, conversation: Conversation): boolean {
    const isOurs = error instanceof WireError || error instanceof Refusal;
    if (!isOurs || reasonFor(error) === 'bad-label') return false;
    const isSealed = this.#parts.layers.cipher?.sealsOutgoing === true;
    if (!isSealed || conversation.wasOpened) return true;
    // Each sealed message uses up the key a little, and strangers may come as often as they like.
    const isTold = this.#errorsForStrangers.take();
    if (!isTold) this.#traffic.withheldErrors++;
    return isTold;
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
    { memory, overtaken }: Shares,
  ): Promise<void> {
    const { over } = conversation;
    const objection = await this.#pacer.run(this.#host.objectionTo(remote, memory), over);
    if (objection !== undefined) {
      // Said rather than kept: Go answers first, and the other side never learns of the refusal.
      await conversation.send(errorMessage(objection.message));
      const isOfUser = objection.cause !== undefined;
      throw new Refusal(isOfUser ? 'refused-merge' : 'incompatible', objection.message);
    }
    // What came whole is merged, also when that takes longer than the peer may.
    const merge = (): Promise<undefined> =>
      this.#pacer.run(this.#host.merge(remote, conversation.peer), overtaken);
    // The stream may have broken within a state that was too large: then the answer fails, and the members count.
    const isStateMissing = remote.discardedStateBytes !== undefined;
    if (isStateMissing) await merge();
    await conversation.send((space) => this.#host.localState(remote.join, space));
    if (!isStateMissing) await merge();
  }
}

// A stream that breaks no rule but one of ours.
class Refusal extends Error {
  readonly reason: DropReason;

  constructor(reason: DropReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

function errorMessage(error: string): Buffer {
  return encodeMessage({ type: MessageType.err, error });
}

function isForeseen(error: unknown): boolean {
  return [WireError, Refusal, MemoryShortage, MemberlistError].some(
    (kind) => error instanceof kind,
  );
}

function reasonFor(error: unknown): DropReason {
  if (error instanceof WireError) return error.fault;
  if (error instanceof Refusal) return error.reason;
  if (error instanceof MemoryShortage) return 'too-many-bytes';
  if (error instanceof TimeoutError) return 'timed-out';
  return error instanceof MemberlistError ? 'incompatible' : 'broken';
}
