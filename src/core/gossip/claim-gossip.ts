/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Claims about members on their way to others: into the queue, or into the one that goes first.
import { encodeMessage } from '../../wire/message-codec.js';
import type { AliveClaim, DeadClaim, SuspectClaim } from '../../wire/messages.js';
import type { CoreContext } from '../context.js';
import { copyOf, type Waiting } from '../inbox.js';
import type { LocalNode } from '../local-node.js';
import type { VerifiedMembers } from '../probe/verified-members.js';
import type { TransmitLimitedQueue } from './broadcast-queue.js';
import type { Outbox } from './piggyback.js';

/** How a claim is passed on. */
export interface Relay {
  /** The bytes that the claim came in, if they may be passed on as they are. */
  readonly received?: Waiting | undefined;
  /** It was gossiped. */
  readonly finished?: (() => void) | undefined;
}

/** What {@link ClaimGossip} works with. */
export interface ClaimGossipComponents {
  readonly context: CoreContext;
  readonly self: LocalNode;
  readonly outbox: Outbox;
  readonly verified: VerifiedMembers;
  readonly queue: TransmitLimitedQueue;
  /** Goes before the other one. */
  readonly urgentQueue: TransmitLimitedQueue;
}

/** Queues claims to be gossiped. */
export class ClaimGossip {
  readonly #components: ClaimGossipComponents;

  constructor(components: ClaimGossipComponents) {
    this.#components = components;
  }

  /** Queues a claim about the member of this name. */
  pass(
    name: string,
    claim: AliveClaim | SuspectClaim | DeadClaim,
    { received, finished }: Relay = {},
  ): void {
    const { context, outbox, queue, urgentQueue } = this.#components;
    const message = received ? copyOf(received) : encodeMessage(claim);
    if (message.length > outbox.broadcastBudget) {
      // It would wait for room for ever; those who miss it get it by push/pull.
      const { length: size } = message;
      context.effects.report({ code: 'broadcast-too-large', peer: name, size });
      finished?.();
      return;
    }
    const broadcast = finished ? { name, message, finished } : { name, message };
    (this.#isUrgent(name) ? urgentQueue : queue).queueBroadcast(broadcast);
  }

  // What is made up about made-up names must not hold up what is said of real ones.
  #isUrgent(name: string): boolean {
    const { self, verified } = this.#components;
    return verified.isOutnumbered && (name === self.name || verified.hasName(name));
  }
}
