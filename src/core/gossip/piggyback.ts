/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All outbound packets are built here: messages are combined with queued broadcasts, up to the packet's budget (SWIM,
// section 4.1).
import {
  COMPOUND_HEADER_BYTES,
  COMPOUND_PART_BYTES,
  groupForCompounds,
} from '../../wire/compound.js';
import { MessageType } from '../../wire/message-type.js';
import { packetBudget, type PacketCodec } from '../../wire/packet-codec.js';
import type { Address } from '../../wire/address.js';
import type { CoreContext } from '../context.js';
import type { MemberTable } from '../member-table.js';
import type { SendFailure } from '../ports.js';
import type { VerifiedMembers } from '../probe/verified-members.js';
import type { TransmitLimitedQueue } from './broadcast-queue.js';

const USER_TYPE_BYTES = 1;
// Receivers that speak this protocol version or a later one get a checksum.
const CHECKSUM_PROTOCOL = 5;

/** Sends packets and fills them with broadcasts. */
export class Outbox {
  readonly #context: CoreContext;
  readonly #codec: PacketCodec;
  readonly #table: MemberTable;
  readonly #queue: TransmitLimitedQueue;
  readonly #urgentQueue: TransmitLimitedQueue;
  readonly #verified: VerifiedMembers;

  constructor(components: {
    context: CoreContext;
    codec: PacketCodec;
    table: MemberTable;
    queue: TransmitLimitedQueue;
    /** Its messages are sent before those of `queue`. */
    urgentQueue: TransmitLimitedQueue;
    verified: VerifiedMembers;
  }) {
    this.#context = components.context;
    this.#codec = components.codec;
    this.#table = components.table;
    this.#queue = components.queue;
    this.#urgentQueue = components.urgentQueue;
    this.#verified = components.verified;
  }

  /** Bytes of messages that fit into one packet. */
  get budget(): number {
    return packetBudget(this.#context.settings.udpBufferSize, this.#codec);
  }

  /**
   * Sends these messages in one packet, with queued broadcasts if the receiver is a member. Messages that do not fit
   * into one packet are sent in several; a failure is reported for the first only.
   */
  send(to: Address, messages: readonly Buffer[], onFailure?: (failure: SendFailure) => void): void {
    const [first, ...others] = messages;
    if (first !== undefined && others.length > 0 && compoundLength(messages) > this.budget) {
      this.send(to, [first], onFailure);
      return this.send(to, others);
    }
    if (!this.mayHaveBroadcasts || !this.isMember(to))
      return this.#sendAll(to, messages, onFailure);
    const room = this.budget - compoundLength(messages);
    this.#sendAll(to, [...messages, ...this.#broadcasts(to, room)], onFailure);
  }

  /** Sends this message in a packet without broadcasts. */
  sendAlone(to: Address, message: Buffer): void {
    this.#sendAll(to, [message]);
  }

  /**
   * Whether this is a member at its address, in any state. Other receivers get no broadcasts: a stranger that can
   * send us a packet must not make us send a full one to an address of its choice, nor use up broadcasts that are
   * queued for the members.
   */
  isMember({ name, addr }: Address): boolean {
    return name !== undefined && this.#table.get(name)?.address === addr;
  }

  /** False if there is certainly nothing to gossip: most rounds of a quiet cluster end here. */
  get mayHaveBroadcasts(): boolean {
    if (this.#queue.numQueued > 0 || this.#urgentQueue.numQueued > 0) return true;
    return this.#context.effects.hasUserBroadcasts();
  }

  /** Sends a packet of broadcasts; false if there was nothing to send. */
  gossip(to: Address): boolean {
    const messages = this.#broadcasts(to, this.budget - COMPOUND_HEADER_BYTES);
    if (messages.length === 0) return false;
    this.#sendAll(to, messages);
    return true;
  }

  /** A packet with only this message, for the caller to send; undefined if the message does not fit. */
  packetFor(to: Address, message: Buffer): Buffer | undefined {
    return message.length <= this.budget ? this.#packet(to, [message]) : undefined;
  }

  /**
   * Packets with only this message, one for each receiver, in their order. Receivers share an encoding, so it is made
   * once or, if only some of them take a checksum, twice. Undefined if the message does not fit.
   */
  packetsFor(receivers: readonly Address[], message: Buffer): Buffer[] | undefined {
    if (message.length > this.budget) return undefined;
    const { counters } = this.#context;
    const encoded: [plain?: Buffer, checked?: Buffer] = [];
    return receivers.map((to) => {
      const checksum = this.#takesChecksum(to);
      const packet = (encoded[checksum ? 1 : 0] ??= this.#codec.encode([message], { checksum }));
      counters.messagesOut.add(message[0]);
      counters.packetsOut++;
      counters.packetBytesOut += packet.length;
      return packet;
    });
  }

  /** The longest message that can be sent as a broadcast. */
  get broadcastBudget(): number {
    return this.budget - COMPOUND_HEADER_BYTES - COMPOUND_PART_BYTES;
  }

  // Our membership messages first, then the user's in the remaining space.
  #broadcasts(to: Address, room: number): Buffer[] {
    const { effects } = this.#context;
    const messages = this.#membershipBroadcasts(to, room);
    if (!effects.hasUserBroadcasts()) return messages;
    const overhead = COMPOUND_PART_BYTES + USER_TYPE_BYTES;
    let left = messages.reduce((rest, { length }) => rest - COMPOUND_PART_BYTES - length, room);
    if (left <= overhead) return messages;
    for (const payload of effects.userBroadcasts(to, overhead, left)) {
      if (overhead + payload.length > left) {
        const limit = left - overhead;
        effects.report({ code: 'user-broadcast-too-large', size: payload.length, limit });
        continue;
      }
      left -= overhead + payload.length;
      messages.push(Buffer.concat([Buffer.of(MessageType.user), payload]));
    }
    return messages;
  }

  // Urgent messages go to verified members only: they are sent a few times only, and other members may be forged.
  #membershipBroadcasts({ name }: Address, room: number): Buffer[] {
    if (this.#urgentQueue.numQueued === 0 || !this.#verified.hasName(name)) {
      return this.#queue.getBroadcasts(COMPOUND_PART_BYTES, room) as Buffer[];
    }
    const urgent = this.#urgentQueue.getBroadcasts(COMPOUND_PART_BYTES, room) as Buffer[];
    const left = urgent.reduce((rest, { length }) => rest - COMPOUND_PART_BYTES - length, room);
    return urgent.concat(this.#queue.getBroadcasts(COMPOUND_PART_BYTES, left) as Buffer[]);
  }

  #sendAll(
    to: Address,
    messages: readonly Buffer[],
    onFailure?: (failure: SendFailure) => void,
  ): void {
    const { effects } = this.#context;
    for (const group of groupForCompounds(messages)) {
      effects.sendPacket(this.#packet(to, group), to, onFailure);
    }
  }

  #packet(to: Address, messages: readonly Buffer[]): Buffer {
    const { counters } = this.#context;
    const packet = this.#codec.encode(messages, { checksum: this.#takesChecksum(to) });
    for (const message of messages) counters.messagesOut.add(message[0]);
    counters.packetsOut++;
    counters.packetBytesOut += packet.length;
    return packet;
  }

  #takesChecksum({ name }: Address): boolean {
    const receiver = name === undefined ? undefined : this.#table.get(name);
    return (receiver?.protocolMax ?? 0) >= CHECKSUM_PROTOCOL;
  }
}

/** Bytes that these messages take in a compound with others. */
function compoundLength(messages: readonly Buffer[]): number {
  let length = COMPOUND_HEADER_BYTES;
  for (const message of messages) length += COMPOUND_PART_BYTES + message.length;
  return length;
}
