/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Intents: the messages by which members show that they join or leave. A member that is gone without a leave intent has
// failed.
import type { ExtensionContext, JoinStarter, Timer } from '../index.js';
import type { LamportClock } from './lamport-clock.js';
import type { Members } from './members.js';
import { encodeIntent, type Intent } from './messages.js';
import type { Outgoing } from './outgoing.js';

/** A leave is sent directly to so many members as well; the others receive it by gossip. */
const directLeaveNotices = 16;
/** A member that leaves is erased when its leave has spread: Serf's BroadcastTimeout and LeavePropagateDelay. */
const PRUNE_DELAY_MS = 6_000;

/** What intents need of the node. */
export interface IntentComponents {
  readonly context: ExtensionContext;
  readonly clock: LamportClock;
  readonly members: Members;
  readonly outgoing: Outgoing;
}

/** The intents that one node sends and receives. */
export class Intents {
  readonly #node: IntentComponents;
  /** Members that are erased after a while. */
  readonly #pruning = new Map<string, Timer>();
  /** Joins that this node started and that are in progress. */
  #joins = 0;
  #hasJoined = false;
  #isLeaving = false;

  constructor(components: IntentComponents) {
    this.#node = components;
  }

  /** Whether this node is in its first join, and started it. */
  get isInFirstJoin(): boolean {
    return this.#joins > 0 && !this.#hasJoined;
  }

  joining(): void {
    this.#joins++;
  }

  joinFailed(): void {
    this.#joins--;
  }

  // A Serf agent broadcasts a join intent when it has started the join, and none when a peer has. Members that still
  // hold the leave intent of an earlier run then keep it as `leaving`; so this node always broadcasts its first join.
  joined(startedBy: JoinStarter): void {
    if (startedBy === 'self') this.#joins--;
    const isFirst = !this.#hasJoined;
    this.#hasJoined = true;
    if (startedBy === 'self' || isFirst) this.#announce('join');
  }

  // A join intent of a later time replaces the leave intent, queued or received.
  resumed(): void {
    this.#isLeaving = false;
    this.#announce('join');
  }

  // Resolves once the members have received the intent: one that is gone without it has failed.
  leave(): Promise<void> {
    this.#isLeaving = true;
    return new Promise((resolve) => this.#announce('leave', resolve));
  }

  /** Declares that another member has left. Calls `finished` once that was gossiped. */
  forceLeave(node: string, prune: boolean, finished: () => void): void {
    const { clock, outgoing, context } = this.#node;
    const intent = { kind: 'leave', ltime: clock.stamp(), node, prune } as const;
    this.#apply(intent);
    if (context.numMembers <= 1) return finished();
    const message = encodeIntent(intent);
    outgoing.intent(node, message, finished);
    // No push/pull repeats that a member is to be erased.
    this.#sendDirectly(message);
  }

  /**
   * Receives an intent.
   *
   * @param message - its bytes, to be passed on; undefined for one of a push/pull
   */
  receive(intent: Intent, message?: Buffer): void {
    const { clock, members, outgoing, context } = this.#node;
    // No member has such a name: its alive message would not fit into a packet.
    if (intent.node.length > context.raw.packetBudget) return;
    clock.witness(intent.ltime);
    const isAboutUs = intent.node === context.self.name;
    if (isAboutUs && intent.kind === 'leave' && !this.#isLeaving) {
      // It is about an earlier run of this node, or wrong.
      if (intent.ltime > members.lastIntent(intent.node)) this.#announce('join');
      return;
    }
    if (!this.#apply(intent) || message === undefined || isAboutUs) return;
    outgoing.intent(intent.node, message);
  }

  // The time that a state has for a member that left may be that of its join. As in Serf, the leave counts as one step
  // later; otherwise it would be ignored. Where the leave is known already, the times need not rise further.
  receiveLeft(node: string, ltime: number): void {
    const { clock, members } = this.#node;
    const later = Math.min(ltime + 1, Number.MAX_SAFE_INTEGER);
    if (members.knowsLeave(node, ltime)) clock.witness(ltime);
    else this.receive({ kind: 'leave', ltime: later, node });
  }

  #apply(intent: Intent): boolean {
    const { members } = this.#node;
    const isNew = members.intentReceived(intent);
    if (isNew && intent.prune === true) this.#prune(intent.node);
    return isNew;
  }

  #prune(name: string): void {
    const { members, context } = this.#node;
    const erase = (): void => {
      this.#pruning.delete(name);
      // It has joined again.
      if (members.get(name)?.status === 'alive') return;
      members.erase(name);
      context.forget(name);
    };
    if (members.get(name)?.status !== 'leaving') return erase();
    if (this.#pruning.has(name)) return;
    this.#pruning.set(name, context.clock.setTimer(PRUNE_DELAY_MS, erase));
  }

  #announce(kind: Intent['kind'], finished?: () => void): void {
    const { clock, members, outgoing, context } = this.#node;
    const intent = { kind, ltime: clock.stamp(), node: context.self.name };
    members.intentReceived(intent);
    // As in Serf: a leave intent that no member receives must not reach members that join later.
    if (kind === 'leave' && context.numMembers <= 1) return finished?.();
    const message = encodeIntent(intent);
    // It replaces a queued intent of this node.
    outgoing.intent(intent.node, message, finished);
    if (kind === 'leave') this.#sendDirectly(message);
  }

  // Gossip may miss a member, which would then show this node as failed.
  #sendDirectly(message: Uint8Array): void {
    const { context } = this.#node;
    const others = context.members().filter(({ name }) => name !== context.self.name);
    for (const { address: addr, name } of others.slice(0, directLeaveNotices)) {
      context.raw.send({ addr, name }, message).catch(() => undefined);
    }
  }
}
