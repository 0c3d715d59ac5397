/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The entry point for packets: splits each packet into messages and routes each message to its handler. Pings and
// acks are handled at once; claims and user messages wait in the inbox.
import type { Address } from '../wire/address.js';
import { ForeignLabelError } from '../wire/label.js';
import { limits } from '../wire/limits.js';
import { decodeMessage, decodeCanonical } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';
import { noBytes, type Message } from '../wire/messages.js';
import type { PacketCodec } from '../wire/packet-codec.js';
import { hostOf } from '../wire/source.js';
import { WireError } from '../wire/wire-error.js';
import type { CoreContext } from './context.js';
import type { DropReason } from './counters.js';
import type { Inbox, Priority, QueuedMessage } from './inbox.js';
import type { Membership } from './membership/apply.js';
import type { NameBound } from './name-bound.js';
import type { AckTable } from './probe/ack-table.js';
import type { Responder } from './probe/responder.js';

/** Splits packets and routes their messages. */
export class Dispatcher {
  readonly #context: CoreContext;
  readonly #codec: PacketCodec;
  readonly #inbox: Inbox;
  readonly #acks: AckTable;
  readonly #responder: Responder;
  readonly #membership: Membership;
  readonly #names: NameBound;
  /** Whether a full queue was already reported for this packet. */
  #reportedFull = false;
  /** Whether excess pings were already reported for this packet. */
  #reportedPings = false;
  /** Pings of this packet that were answered so far. */
  #pings = 0;
  #indirectPings = 0;

  constructor(components: {
    context: CoreContext;
    codec: PacketCodec;
    inbox: Inbox;
    acks: AckTable;
    responder: Responder;
    membership: Membership;
    names: NameBound;
  }) {
    this.#context = components.context;
    this.#codec = components.codec;
    this.#inbox = components.inbox;
    this.#acks = components.acks;
    this.#responder = components.responder;
    this.#membership = components.membership;
    this.#names = components.names;
  }

  /** Processes one datagram. Never throws because of its content. */
  receive(packet: Buffer, from: Address, receivedAt: number): void {
    const { counters, effects } = this.#context;
    counters.packetsIn++;
    counters.packetBytesIn += packet.length;
    this.#reportedFull = false;
    this.#reportedPings = false;
    this.#pings = 0;
    this.#indirectPings = 0;
    const host = hostOf(from.addr);
    if (!effects.allowsIp(host)) {
      return this.#drop(from, 'not-allowed', `${host} is not in cidrsAllowed`);
    }
    try {
      this.#codec.decode(packet, (buf, start, end) =>
        this.#take(buf, start, end, from, receivedAt),
      );
    } catch (error) {
      this.#reject(from, error);
    }
  }

  /** Handles a message that waited in the inbox. */
  handleQueued(waiting: QueuedMessage): void {
    const { buf, start, end, from } = waiting;
    if (buf[start] === MessageType.user) {
      this.#context.effects.userMessage(buf.subarray(start + 1, end), from);
      return;
    }
    try {
      const straight = decodeCanonical(buf, start, end);
      const message = straight ?? decodeMessage(buf, start, end);
      if (this.#hasExcessiveName(message, from)) return;
      const relay = straight === undefined ? {} : { received: waiting };
      if (message.type === MessageType.alive) this.#membership.alive(message, relay);
      else if (message.type === MessageType.suspect) this.#membership.suspect(message, relay);
      else if (message.type === MessageType.dead) this.#membership.dead(message, relay);
    } catch (error) {
      this.#reject(from, error);
    }
  }

  // An invalid message does not affect the other messages of its packet.
  #take(buf: Buffer, start: number, end: number, from: Address, receivedAt: number): void {
    try {
      this.#route(buf, start, end, from, receivedAt);
    } catch (error) {
      this.#reject(from, error);
    }
  }

  #route(buf: Buffer, start: number, end: number, from: Address, receivedAt: number): void {
    const type = buf[start];
    this.#context.counters.messagesIn.add(type);
    switch (type) {
      case MessageType.alive:
        return this.#enqueue({ buf, start, end, from }, 'high');
      case MessageType.suspect:
      case MessageType.dead:
      case MessageType.user:
        return this.#enqueue({ buf, start, end, from }, 'low');
      case MessageType.ping:
        if (this.#pings >= limits.pingsPerPacket) return this.#tooManyPings(from);
        this.#answer(decodeMessage(buf, start, end), from, receivedAt);
        this.#pings++;
        return;
      case MessageType.indirectPing:
        if (this.#indirectPings >= limits.indirectPingsPerPacket) return this.#tooManyPings(from);
        this.#answer(decodeMessage(buf, start, end), from, receivedAt);
        this.#indirectPings++;
        return;
      case MessageType.ackResp:
      case MessageType.nackResp:
        return this.#answer(decodeMessage(buf, start, end), from, receivedAt);
      case MessageType.pushPull:
      case MessageType.err:
        return this.#drop(from, 'unexpected-message', `message type ${type} in a packet`);
      default:
        return this.#drop(from, 'unknown-type', `message type ${type ?? 'none'}`);
    }
  }

  #enqueue(message: QueuedMessage, priority: Priority): void {
    if (this.#inbox.add(message, priority)) return;
    const { from } = message;
    // Each message is counted, but the log gets one line per packet: in a flood, log lines cost more than messages.
    if (this.#reportedFull) return this.#context.counters.drop('queue-full');
    this.#reportedFull = true;
    this.#drop(from, 'queue-full', `${this.#inbox.size} messages are queued already`);
  }

  // The ping says where its answer goes: answering a packet full of pings would amplify it against a third party.
  #tooManyPings(from: Address): void {
    if (this.#reportedPings) return this.#context.counters.drop('too-many-pings');
    this.#reportedPings = true;
    this.#drop(from, 'too-many-pings', 'more pings in one packet than a node sends');
  }

  #answer(message: Message, from: Address, receivedAt: number): void {
    if (this.#hasExcessiveName(message, from)) return;
    switch (message.type) {
      case MessageType.ping:
        return this.#responder.ping(message, from);
      case MessageType.indirectPing:
        return this.#responder.indirectPing(message, from);
      case MessageType.ackResp:
        if (this.#acks.ack(message.seqNo, message.payload ?? noBytes, receivedAt)) return;
        return this.#drop(
          from,
          'unexpected-ack',
          `no pending ping has sequence number ${message.seqNo}`,
        );
      case MessageType.nackResp:
        if (this.#acks.nack(message.seqNo)) return;
        return this.#drop(
          from,
          'unexpected-ack',
          `no pending ping has sequence number ${message.seqNo}`,
        );
    }
  }

  #hasExcessiveName(message: Message, from: Address): boolean {
    const name = this.#names.excessIn(message);
    if (name === undefined) return false;
    this.#drop(from, 'name-too-long', this.#names.describe(name));
    return true;
  }

  // Invalid input is normal: it is counted, reported and dropped.
  #reject(from: Address, error: unknown): void {
    if (!(error instanceof WireError)) throw error;
    if (error instanceof ForeignLabelError) {
      const { theirs, ours } = error;
      this.#context.effects.report({ code: 'foreign-label', peer: from.addr, theirs, ours });
    }
    this.#drop(from, error.fault, error.message);
  }

  #drop(from: Address, reason: DropReason, detail: string): void {
    this.#context.counters.drop(reason);
    this.#context.effects.report({ code: 'packet-dropped', peer: from.addr, reason, detail });
  }
}
