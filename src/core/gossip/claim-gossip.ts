/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Queues claims about members for gossip, in the normal or in the urgent queue.
import { encodeMessage } from '../../wire/message-codec.js';
import type { AliveClaim, DeadClaim, SuspectClaim } from '../../wire/messages.js';
import type { CoreContext } from '../context.js';
import { copyMessage, type QueuedMessage } from '../inbox.js';
import type { LocalNode } from '../local-node.js';
import type { VerifiedMembers } from '../probe/verified-members.js';
import type { TransmitLimitedQueue } from './broadcast-queue.js';
import type { Outbox } from './piggyback.js';

/** How a claim is relayed. */
export interface Relay {
  /** The received bytes of the claim, if they may be relayed unchanged. */
  readonly received?: QueuedMessage | undefined;
  /** Called when the gossip of the claim is finished. */
  readonly finished?: (() => void) | undefined;
}

/** Dependencies of {@link ClaimGossip}. */
export interface ClaimGossipComponents {
  readonly context: CoreContext;
  readonly self: LocalNode;
  readonly outbox: Outbox;
  readonly verified: VerifiedMembers;
  readonly queue: TransmitLimitedQueue;
  /** Its messages are sent before those of `queue`. */
  readonly urgentQueue: TransmitLimitedQueue;
}

/** Queues claims for gossip. */
export class ClaimGossip {
  readonly #components: ClaimGossipComponents;

  constructor(components: ClaimGossipComponents) {
    this.#components = components;
  }

  /** Queues a claim about the member of this name. */
  queueClaim(
    name: string,
    claim: AliveClaim | SuspectClaim | DeadClaim,
    { received, finished }: Relay = {},
  ): void {
    const { context, outbox, queue, urgentQueue } = this.#components;
    const message = received ? copyMessage(received) : encodeMessage(claim);
    if (message.length > outbox.broadcastBudget) {
      // It would never fit into a packet; members that miss it receive it by push/pull.
      const { length: size } = message;
      context.effects.report({ code: 'broadcast-too-large', peer: name, size });
      finished?.();
      return;
    }
    const broadcast = finished ? { name, message, finished } : { name, message };
    (this.#isUrgent(name) ? urgentQueue : queue).queueBroadcast(broadcast);
  }

  // Claims about forged names must not delay claims about verified members.
  #isUrgent(name: string): boolean {
    const { self, verified } = this.#components;
    return verified.isOutnumbered && (name === self.name || verified.hasName(name));
  }
}
