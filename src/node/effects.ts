/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The core's door to the world (core/ports.ts) as the parts of one node make it.
import type { ResolvedConfig } from '../config/options.js';
import type { Counters } from '../core/counters.js';
import type { Engine } from '../core/engine.js';
import type { Node } from '../core/member.js';
import type { Effects, SendFailure } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import type { DelegateHost } from './delegate-host.js';
import type { Dialer } from '../exchange/dialer.js';
import type { ExtensionHost } from '../extensions/extension-host.js';
import type { PacketSender } from './packet-sender.js';
import type { Guard } from '../runtime/guard.js';
import type { ShellListener } from './running-node.js';
import type { Address } from '../wire/address.js';

/** The node that the effects are those of. They are asked for later than they are made. */
export interface EffectsOwner {
  readonly config: Pick<ResolvedConfig, 'clock'>;
  readonly host: DelegateHost;
  readonly guard: Guard;
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  readonly packets: PacketSender;
  readonly dialer: Dialer;
  readonly engine: Engine;
  readonly extensions: ExtensionHost;
  readonly isDown: boolean;
  readonly cutOff: (isCutOff: boolean) => void;
  /** A user message came, by packet or stream. */
  messageCame(payload: Buffer, from: Address): void;
}

/** What only the node itself has. */
export interface EffectsInit {
  readonly allowsIp: (ip: string) => boolean;
  /** Exchanges state in the background. */
  readonly pushPull: (to: Address) => Promise<void>;
  /** A probe was answered directly. */
  readonly acknowledged: (node: Node, roundTripMs: number) => void;
}

/** The effects of one node. */
export function effectsOf(node: EffectsOwner, listener: ShellListener, init: EffectsInit): Effects {
  const { host, guard } = node;
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
      init.pushPull(to).catch(guard.failed);
    },
    notify: (event) => {
      node.counters.onMembershipEvent(event);
      // First, so that their view is as new as that of the listeners which may call them.
      node.extensions.onMembershipEvent(event);
      listener.onMembershipEvent(event);
    },
    report: (report) => {
      node.report(report);
      if (report.code === 'refuted') guard.run(() => listener.refuted());
    },
    pingCompleted: (other, roundTripMs, payload) => {
      guard.run(() => init.acknowledged(other, roundTripMs));
      host.notifyPingComplete(other, roundTripMs, payload);
    },
    isolationChanged: (isIsolated) => node.cutOff(isIsolated),
    // A packet tells its sender's address only; the table may know whose it is.
    userMessage: (payload, from) =>
      node.messageCame(payload, node.engine.table.memberAtAddress(from.addr)?.destination ?? from),
    ackPayload: () => host.ackPayload(),
    hasUserBroadcasts: () => host.hasBroadcasts || node.extensions.gossip.hasBroadcasts,
    userBroadcasts: (to, overhead, limit) => userBroadcasts(node, to, { overhead, limit }),
    gossipTargets: () => node.extensions.gossip.targets(),
    allowsIp: init.allowsIp,
    objectionToAlive: (peer) => host.objectionToAlive(peer),
  };
}

/** The delegate's messages first, then those of the extensions that the receiver has. */
function userBroadcasts(
  { host, engine, extensions }: EffectsOwner,
  to: Address,
  { overhead, limit }: { overhead: number; limit: number },
): readonly Uint8Array[] {
  const messages = host.hasBroadcasts ? host.getBroadcasts(overhead, limit) : [];
  const member = to.name === undefined ? undefined : engine.table.get(to.name);
  if (member === undefined || !extensions.gossip.hasBroadcasts) return messages;
  const left = messages.reduce((rest, { length }) => rest - overhead - length, limit);
  return [...messages, ...extensions.gossip.broadcasts(member, overhead, left)];
}
