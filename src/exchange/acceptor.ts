/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our end of the exchanges that others begin: one request a connection, answered, then closed.
import type { DropReason } from '../core/counters.js';
import type { Clock } from '../core/ports.js';
import { MemberlistError, TimeoutError } from '../errors.js';
import type { Connection } from '../transport/transport.js';
import type { Address } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { encodeMessage } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';
import {
  encodePushPull,
  type PushPull,
  type StreamLayers,
  type StreamMessage,
} from '../wire/stream-codec.js';
import { WireError } from '../wire/wire-error.js';
import { Conversation, converse } from './conversation.js';

/** What the acceptor asks of the node. */
export interface AcceptorHost {
  /** Our name: a ping for somebody else is not answered. */
  readonly name: string;
  /** Our state, for the answer to a push/pull. */
  localState(join: boolean): Omit<PushPull, 'type'>;
  /** Why their state is refused; undefined when it is not. */
  objectionTo(remote: PushPull): MemberlistError | undefined;
  /** Takes their state. */
  merge(remote: PushPull): void;
  userMessage(payload: Buffer, from: Address): void;
  /** A stream was refused or broke. */
  dropped(from: string, reason: DropReason, detail: string): void;
}

/** Answers streams that others open. */
export class Acceptor {
  readonly #host: AcceptorHost;
  readonly #clock: Clock;
  readonly #layers: StreamLayers;
  readonly #timeoutMs: number;
  #pushPulls = 0;

  /** @param init.timeoutMs - for a whole exchange */
  constructor(
    components: { host: AcceptorHost; clock: Clock; layers: StreamLayers },
    init: { timeoutMs: number },
  ) {
    this.#host = components.host;
    this.#clock = components.clock;
    this.#layers = components.layers;
    this.#timeoutMs = init.timeoutMs;
  }

  /** Takes one stream to its end. Never rejects. */
  async accept(connection: Connection): Promise<void> {
    const conversation = new Conversation(connection, this.#layers, 'acceptor');
    const bounds = { clock: this.#clock, timeoutMs: this.#timeoutMs, what: 'a stream' };
    try {
      await converse(connection, bounds, () => this.#serve(conversation));
    } catch (error) {
      this.#host.dropped(conversation.peer, reasonFor(error), (error as Error).message);
    }
  }

  async #serve(conversation: Conversation): Promise<void> {
    const exchange = { counted: false };
    try {
      const request = await this.#request(conversation, exchange);
      if (request !== undefined) await this.#answer(conversation, request);
    } finally {
      if (exchange.counted) this.#pushPulls--;
    }
  }

  async #request(
    conversation: Conversation,
    exchange: { counted: boolean },
  ): Promise<StreamMessage | undefined> {
    try {
      // A push/pull counts from its first bytes on: what is being received takes memory already.
      return await conversation.receive(() => {
        if (this.#pushPulls >= limits.pushPullExchanges) throw new TooManyExchanges();
        this.#pushPulls++;
        exchange.counted = true;
      });
    } catch (error) {
      // A stranger with another label learns nothing from us; others are told what was wrong.
      const isTold = error instanceof WireError && error.fault !== 'bad-label';
      if (isTold || error instanceof TooManyExchanges) {
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
    const objection = this.#host.objectionTo(remote);
    if (objection !== undefined) {
      // Said rather than kept: Go answers first, and the other side never learns of the refusal.
      await conversation.send(errorMessage(objection.message));
      throw objection;
    }
    await conversation.send(encodePushPull(this.#host.localState(remote.join)));
    this.#host.merge(remote);
  }
}

class TooManyExchanges extends Error {
  constructor() {
    super('too many push/pull exchanges at once');
  }
}

function errorMessage(error: string): Buffer {
  return encodeMessage({ type: MessageType.err, error });
}

function reasonFor(error: unknown): DropReason {
  if (error instanceof WireError) return error.fault;
  if (error instanceof TooManyExchanges) return 'too-many-exchanges';
  if (error instanceof TimeoutError) return 'timed-out';
  return error instanceof MemberlistError ? 'incompatible' : 'broken';
}
