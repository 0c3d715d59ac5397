/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Answers requests of other nodes: pings to us, and indirect pings that we send on behalf of a peer.
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

/** Dependencies of the responder. */
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

  /** Acks a ping that is addressed to us. */
  ping(ping: Ping, from: Address): void {
    const { context, self, table, verified } = this.#components;
    if (ping.node !== '' && ping.node !== self.name) {
      // An agent that restarted under another name must not answer for the old name.
      this.#drop(from, 'misaddressed', `a ping for ${ping.node}; this node is ${self.name}`);
      return;
    }
    const requester = replyAddress(ping, from);
    if (!this.#maySendTo(requester.addr, from)) return;
    const member = table.get(ping.sourceNode);
    if (member?.address === from.addr) verified.pingReceived(member);
    const payload = context.effects.ackPayload();
    const ack = this.#ack(ping.seqNo, payload === null ? null : Buffer.from(payload));
    this.#senderFor(requester, from)(requester, ack);
  }

  /** Pings a target for a peer that got no answer itself. */
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
    const requester = replyAddress(request, from);
    if (!this.#maySendTo(target.addr, from) || !this.#maySendTo(requester.addr, from)) return;
    const send = this.#senderFor(requester, from);
    const seqNo = self.nextSequence();
    acks.expect(
      seqNo,
      {
        acked: () => send(requester, this.#ack(request.seqNo, null)),
        expired: () => {
          if (!request.nack) return;
          const nack = { type: MessageType.nackResp, seqNo: request.seqNo };
          send(requester, encodeMessage(nack));
        },
      },
      settings.probeTimeout,
    );
    send(target, encodeMessage(self.ping(seqNo, request.node)));
  }

  // Broadcasts are added only for members that ask from their own address: any node can write the name and address of
  // a member into a ping.
  #senderFor(requester: Address, from: Address): (to: Address, message: Buffer) => void {
    const { outbox } = this.#components;
    return requester.addr === from.addr && outbox.isMember(requester)
      ? (to, message) => outbox.send(to, [message])
      : (to, message) => outbox.sendAlone(to, message);
  }

  // A sender that can choose our target could make us flood third parties.
  #maySendTo(addr: string, from: Address): boolean {
    const host = hostOf(addr);
    if (this.#components.context.effects.allowsIp(host)) return true;
    this.#drop(from, 'not-allowed', `a request to send to ${host}, which is not in cidrsAllowed`);
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

// The address that the sender gave, if it gave one; otherwise the source address of the packet.
function replyAddress(
  requester: { sourceAddr: Buffer; sourcePort: number; sourceNode: string },
  from: Address,
): Address {
  const ip = requester.sourcePort === 0 ? undefined : ipFromBytes(requester.sourceAddr);
  const name = requester.sourceNode === '' ? undefined : requester.sourceNode;
  return { addr: ip === undefined ? from.addr : joinHostPort(ip, requester.sourcePort), name };
}
