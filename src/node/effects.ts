/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the core asks of the node that it is in (core/ports.ts), carried out by the node's parts.
import type { ResolvedConfig } from '../config/options.js';
import type { Engine } from '../core/engine.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Effects, SendFailure } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import type { Dialer } from '../exchange/dialer.js';
import type { ExtensionHost } from '../extensions/extension-host.js';
import type { Publication } from '../observability/metrics.js';
import type { Guard } from '../runtime/guard.js';
import type { Address } from '../wire/address.js';
import type { DelegateHost } from './delegate-host.js';
import type { PacketSender } from './packet-sender.js';
import type { StateExchange } from './state-exchange.js';

/** The node whose core asks. The engine is created before some of these parts and calls them only once it runs. */
export interface EffectsNode {
  readonly config: Pick<ResolvedConfig, 'clock'>;
  readonly guard: Guard;
  readonly report: (report: Report) => void;
  readonly packets: PacketSender;
  readonly dialer: Dialer;
  readonly engine: Engine;
  readonly host: DelegateHost;
  readonly extensions: ExtensionHost;
  readonly state: StateExchange;
  readonly discovery: { incarnationChanged(): void };
  readonly health: { isolationChanged(isIsolated: boolean): void };
  readonly metrics: Publication | undefined;
  readonly allowsIp: (ip: string) => boolean;
  readonly isDown: boolean;
  onMembershipEvent(event: MembershipEvent): void;
  messageCame(payload: Buffer, from: Address): void;
}

/** The effects of one node. */
export function effectsOf(node: EffectsNode): Effects {
  const { guard } = node;
  return {
    sendPacket: (packet, to, failed) => {
      const onFailure = failed && ((failure: SendFailure) => guard.run(() => failed(failure)));
      node.packets.send(packet, to, onFailure);
    },
    streamPing: ({ to, node: name, seqNo, deadlineAt }, done) => {
      const withinMs = deadlineAt - node.config.clock.now();
      node.dialer
        .ping(to, { node: name, seqNo, withinMs })
        .then((answered) => {
          if (!node.isDown) done(answered);
        })
        .catch(guard.failed);
    },
    pushPull: (to) => {
      node.state.inBackground(to).catch(guard.failed);
    },
    notify: (event) => node.onMembershipEvent(event),
    report: (report) => {
      node.report(report);
      if (report.code === 'refuted') guard.run(() => node.discovery.incarnationChanged());
    },
    pingCompleted: (other, roundTripMs, payload) => {
      guard.run(() => {
        node.metrics?.roundTrip(roundTripMs);
        node.state.watch.acknowledged(other.name);
      });
      node.host.notifyPingComplete(other, roundTripMs, payload);
    },
    isolationChanged: (isIsolated) => node.health.isolationChanged(isIsolated),
    // A packet has only its sender's address; the table may know the member.
    userMessage: (payload, from) =>
      node.messageCame(payload, node.engine.table.memberAtAddress(from.addr)?.destination ?? from),
    ackPayload: () => node.host.ackPayload(),
    hasUserBroadcasts: () => node.host.hasBroadcasts || node.extensions.gossip.hasBroadcasts,
    userBroadcasts: (to, overhead, limit) => userBroadcasts(node, to, { overhead, limit }),
    gossipTargets: () => node.extensions.gossip.targets(),
    allowsIp: node.allowsIp,
    objectionToAlive: (peer) => node.host.objectionToAlive(peer),
  };
}

/** The delegate's messages first, then those of the extensions that the receiver has. */
function userBroadcasts(
  { host, engine, extensions }: EffectsNode,
  to: Address,
  { overhead, limit }: { overhead: number; limit: number },
): readonly Uint8Array[] {
  const messages = host.hasBroadcasts ? host.getBroadcasts(overhead, limit) : [];
  const member = to.name === undefined ? undefined : engine.table.get(to.name);
  if (member === undefined || !extensions.gossip.hasBroadcasts) return messages;
  const left = messages.reduce((rest, { length }) => rest - overhead - length, limit);
  return [...messages, ...extensions.gossip.broadcasts(member, overhead, left)];
}
