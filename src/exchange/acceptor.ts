/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our end of the exchanges that others begin: one request a connection, answered, then closed.
import { StreamTraffic, type DropReason } from '../core/counters.js';
import type { Clock } from '../core/ports.js';
import { MemberlistError, TimeoutError } from '../errors.js';
import type { Connection } from '../transport/transport.js';
import type { Address } from '../wire/address.js';
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

/** What the acceptor asks of the node. */
export interface AcceptorHost {
  /** Our name: a ping for somebody else is not answered. */
  readonly name: string;
  /** Our state as a push/pull message, for the answer to theirs. */
  localState(join: boolean): Sliced<Buffer>;
  /** Why their state is refused, with a cause if it is the user who does; undefined when it is not. */
  objectionTo(remote: PushPull): Sliced<MemberlistError | undefined>;
  /** Takes the state of the peer at this `'ip:port'`. */
  merge(remote: PushPull, peer: string): Sliced<undefined>;
  userMessage(payload: Buffer, from: Address): void;
  /** Whether streams from this IP are taken (`cidrsAllowed`). */
  allowsIp(ip: string): boolean;
  /** A stream was refused or broke. */
  dropped(from: string, reason: DropReason, detail: string): void;
  /** It broke because it belongs to another cluster; said beside `dropped`. */
  foreignLabel(from: string, theirs: string, ours: string): void;
}

/** What one stream has of what there is to share. */
interface Shares {
  readonly stream: Share;
  readonly pushPull: Share;
  readonly bytes: Share;
}

/** Answers streams that others open. */
export class Acceptor {
  readonly #host: AcceptorHost;
  readonly #clock: Clock;
  readonly #parts: ConversationParts;
  readonly #pacer: Pacer;
  readonly #traffic: StreamTraffic;
  readonly #timeoutMs: number;
  readonly #streams = new FairShare({ total: limits.streams, perSource: limits.streamsPerSource });
  // Of these two one source may have all, for it gives way to others when there is no more.
  readonly #pushPulls = new FairShare({
    total: limits.pushPullExchanges,
    perSource: limits.pushPullExchanges,
  });
  readonly #bytes = new FairShare({ total: limits.heldBytes, perSource: limits.heldBytes });

  /** @param init.timeoutMs - for a whole exchange */
  constructor(
    components: ConversationParts & { host: AcceptorHost; clock: Clock },
    init: { timeoutMs: number },
  ) {
    const { host, clock, traffic = new StreamTraffic(), ...parts } = components;
    this.#host = host;
    this.#clock = clock;
    this.#parts = { ...parts, traffic };
    this.#pacer = parts.pacer;
    this.#traffic = traffic;
    this.#timeoutMs = init.timeoutMs;
  }

  /** Takes one stream to its end. Never rejects. */
  async accept(connection: Connection): Promise<void> {
    const { remoteAddress } = connection;
    const overtaken = new AbortController();
    const shares = this.#sharesFor(remoteAddress, (refusal) => overtaken.abort(refusal));
    const refusal = this.#refusalOf(remoteAddress, shares);
    if (refusal !== undefined) {
      refuse(connection);
      this.#host.dropped(remoteAddress, refusal.reason, refusal.message);
      return;
    }
    const { begun, open } = this.#traffic;
    begun.acceptor++;
    open.acceptor++;
    const conversation = new Conversation({ connection, ...this.#parts }, { side: 'acceptor' });
    const { signal } = overtaken;
    const bounds = { clock: this.#clock, timeoutMs: this.#timeoutMs, what: 'a stream', signal };
    try {
      const serve = (): Promise<void> => this.#serve(conversation, shares);
      await converse(connection, bounds, serve, () => {
        // An answer, if there is one, must still arrive; without one the end would look as if all was taken.
        if (conversation.bytes.sent > 0) connection.close();
        else refuse(connection);
      });
    } catch (error) {
      this.#host.dropped(remoteAddress, reasonFor(error), (error as Error).message);
      if (error instanceof ForeignLabelError) {
        this.#host.foreignLabel(remoteAddress, error.theirs, error.ours);
      }
    } finally {
      open.acceptor--;
      for (const share of [shares.stream, shares.pushPull, shares.bytes]) share.leave();
    }
  }

  #sharesFor(remoteAddress: string, evict: (refusal: Refusal) => void): Shares {
    const source = sourceOf(remoteAddress);
    const give = (of: FairShare, reason: DropReason, what: string): Share =>
      of.enter(source, () => evict(new Refusal(reason, `too many ${what}; this source had most`)));
    return {
      stream: give(this.#streams, 'too-many-streams', 'streams'),
      pushPull: give(this.#pushPulls, 'too-many-exchanges', 'push/pull exchanges at once'),
      bytes: give(this.#bytes, 'too-many-bytes', 'bytes in streams'),
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
    if (request !== undefined) await this.#answer(conversation, request);
  }

  async #request(
    conversation: Conversation,
    { pushPull, bytes }: Shares,
  ): Promise<StreamMessage | undefined> {
    let isCounted = false;
    let held = 0;
    try {
      return await conversation.receive(({ isPushPull, heldBytes }) => {
        // A push/pull counts from its first bytes on: what is being received takes memory already.
        if (isPushPull && !isCounted) {
          isCounted = pushPull.take(1);
          if (!isCounted) {
            throw new Refusal('too-many-exchanges', 'too many push/pull exchanges at once');
          }
        }
        if (!bytes.take(heldBytes - held)) {
          throw new Refusal('too-many-bytes', 'too many bytes in streams at once');
        }
        held = heldBytes;
      });
    } catch (error) {
      // A stranger with another label learns nothing from us, and where memory is short nobody waits
      // for whoever does not read; others are told what was wrong.
      const reason = reasonFor(error);
      const isOurs = error instanceof WireError || error instanceof Refusal;
      if (isOurs && reason !== 'bad-label' && reason !== 'too-many-bytes') {
        // If they cannot be told, what was wrong is still what was wrong.
        await conversation.send(errorMessage(error.message)).catch(() => undefined);
      }
      throw error;
    }
  }

  async #answer(conversation: Conversation, request: StreamMessage): Promise<void> {
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
        return this.#pushPull(conversation, request);
      default:
        throw new WireError('unknown-type', `message type ${request.type} as a request`);
    }
  }

  async #pushPull(conversation: Conversation, remote: PushPull): Promise<void> {
    const objection = await this.#pacer.run(this.#host.objectionTo(remote));
    if (objection !== undefined) {
      // Said rather than kept: Go answers first, and the other side never learns of the refusal.
      await conversation.send(errorMessage(objection.message));
      const isOfUser = objection.cause !== undefined;
      throw new Refusal(isOfUser ? 'refused-merge' : 'incompatible', objection.message);
    }
    const answer = await this.#pacer.run(this.#host.localState(remote.join));
    const merge = (): Promise<undefined> =>
      this.#pacer.run(this.#host.merge(remote, conversation.peer));
    // The stream may have broken within a state that was too large: then the answer fails, and the members count.
    if (remote.discardedStateBytes !== undefined) await merge();
    await conversation.send(answer);
    if (remote.discardedStateBytes === undefined) await merge();
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

function reasonFor(error: unknown): DropReason {
  if (error instanceof WireError) return error.fault;
  if (error instanceof Refusal) return error.reason;
  if (error instanceof TimeoutError) return 'timed-out';
  return error instanceof MemberlistError ? 'incompatible' : 'broken';
}
