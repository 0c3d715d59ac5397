/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Answers to what others ask: pings for us, and pings that we are asked to make for somebody.
import { ipFromBytes, joinHostPort, type Address } from '../../wire/address.js';
import { encodeMessage } from '../../wire/message-codec.js';
import { MessageType } from '../../wire/message-type.js';
import type { IndirectPing, Ping } from '../../wire/messages.js';
import { hostOf } from '../../wire/source.js';
import type { CoreContext } from '../context.js';
import type { DropReason } from '../counters.js';
import type { Outbox } from '../gossip/piggyback.js';
import type { LocalNode } from '../local-node.js';
import type { MemberTable } from '../member-table.js';
import type { AckTable } from './ack-table.js';
import type { VerifiedMembers } from './verified-members.js';

/** What the responder works with. */
export interface ResponderComponents {
  readonly context: CoreContext;
  readonly self: LocalNode;
  readonly acks: AckTable;
  readonly outbox: Outbox;
  readonly table: MemberTable;
  readonly verified: VerifiedMembers;
}

/** Answers pings and indirect pings. */
export class Responder {
  readonly #components: ResponderComponents;

  constructor(components: ResponderComponents) {
    this.#components = components;
  }

  /** Acks a ping that is meant for us. */
  ping(ping: Ping, from: Address): void {
    const { context, self, table, verified } = this.#components;
    if (ping.node !== '' && ping.node !== self.name) {
      // A restarted agent under another name must not vouch for the old one.
      this.#drop(from, 'misaddressed', `a ping for ${ping.node}; this node is ${self.name}`);
      return;
    }
    const asker = replyAddress(ping, from);
    if (!this.#maySendTo(asker.addr, from)) return;
    const member = table.get(ping.sourceNode);
    if (member?.address === from.addr) verified.heard(member);
    const payload = context.effects.ackPayload();
    const ack = this.#ack(ping.seqNo, payload === null ? null : Buffer.from(payload));
    this.#sendFor(asker, from)(asker, ack);
  }

  /** Pings somebody for a peer that got no answer of its own. */
  indirectPing(request: IndirectPing, from: Address): void {
    const { context, self, acks } = this.#components;
    const { settings } = context;
    const ip = ipFromBytes(request.target);
    if (ip === undefined) {
      this.#drop(from, 'bad-address', `a target address of ${request.target.length} bytes`);
      return;
    }
    const noPort = settings.protocolVersion < 2 || request.port === 0;
    const target = {
      addr: joinHostPort(ip, noPort ? settings.bindPort : request.port),
      name: request.node,
    };
    const asker = replyAddress(request, from);
    if (!this.#maySendTo(target.addr, from) || !this.#maySendTo(asker.addr, from)) return;
    const send = this.#sendFor(asker, from);
    const seqNo = self.nextSequence();
    acks.expect(
      seqNo,
      {
        acked: () => send(asker, this.#ack(request.seqNo, null)),
        expired: () => {
          if (!request.nack) return;
          const nack = { type: MessageType.nackResp, seqNo: request.seqNo };
          send(asker, encodeMessage(nack));
        },
      },
      settings.probeTimeout,
    );
    send(target, encodeMessage(self.ping(seqNo, request.node)));
  }

  // Broadcasts go along for members that ask from the address that they have: anybody can write the name and the
  // address of a member into a ping.
  #sendFor(asker: Address, from: Address): (to: Address, message: Buffer) => void {
    const { outbox } = this.#components;
    return asker.addr === from.addr && outbox.isMember(asker)
      ? (to, message) => outbox.send(to, [message])
      : (to, message) => outbox.sendAlone(to, message);
  }

  // Whoever may choose where we send could have us shout at strangers.
  #maySendTo(addr: string, from: Address): boolean {
    const host = hostOf(addr);
    if (this.#components.context.effects.allowsIp(host)) return true;
    this.#drop(from, 'not-allowed', `asked to send to ${host}, which is not in cidrsAllowed`);
    return false;
  }

  #drop(from: Address, reason: DropReason, detail: string): void {
    this.#components.context.counters.drop(reason);
    const report = { code: 'packet-dropped', peer: from.addr, reason, detail } as const;
    this.#components.context.effects.report(report);
  }

  #ack(seqNo: number, payload: Buffer | null): Buffer {
    return encodeMessage({ type: MessageType.ackResp, seqNo, payload });
  }
}

// To the address that the asker gave, when it gave one; else to where the packet came from.
function replyAddress(
  asker: { sourceAddr: Buffer; sourcePort: number; sourceNode: string },
  from: Address,
): Address {
  const ip = asker.sourcePort === 0 ? undefined : ipFromBytes(asker.sourceAddr);
  const name = asker.sourceNode === '' ? undefined : asker.sourceNode;
  return { addr: ip === undefined ? from.addr : joinHostPort(ip, asker.sourcePort), name };
}
