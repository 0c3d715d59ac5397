/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What Serf keeps of each member in addition to memberlist's record: the Lamport time of its last intent, and whether
// that was a leave. Only a member that announced its leave is `left` rather than `failed` when it is gone.
import { encodeName } from '../index.js';
import { serfLimits } from './limits.js';
import type { Intent } from './messages.js';

type Status = 'alive' | 'leaving' | 'left' | 'failed';

interface Entry {
  status: Status;
  ltime: number;
}

/** The statuses of all members, as one node sees them. */
export class MemberStatuses {
  readonly #isKnown: (name: string) => boolean;
  readonly #members = new Map<string, Entry>();
  /** Intents of nodes that are no members yet: gossip may deliver them first. */
  readonly #early = new Map<string, Intent>();

  /** @param init.isKnown - whether a name is in the member table */
  constructor(init: { isKnown: (name: string) => boolean }) {
    this.#isKnown = init.isKnown;
  }

  /** memberlist reports that a member joined. */
  memberJoined(name: string): void {
    const early = this.#early.get(name);
    this.#early.delete(name);
    const ltime = Math.max(this.#members.get(name)?.ltime ?? 0, early?.ltime ?? 0);
    this.#members.set(name, { status: early?.kind === 'leave' ? 'leaving' : 'alive', ltime });
  }

  /** memberlist reports that a member left or failed. */
  memberGone(name: string): void {
    const member = this.#members.get(name);
    if (member !== undefined) member.status = member.status === 'leaving' ? 'left' : 'failed';
  }

  /** The time of a member's last intent; 0 without one. */
  lastIntent(name: string): number {
    return (this.#members.get(name) ?? this.#early.get(name))?.ltime ?? 0;
  }

  /** Whether a leave of this member is known, with that time or later. */
  knowsLeave(name: string, ltime: number): boolean {
    const member = this.#members.get(name);
    const isLeave = member?.status === 'left' || member?.status === 'leaving';
    const kind = member === undefined ? this.#early.get(name)?.kind : isLeave ? 'leave' : 'join';
    return kind === 'leave' && this.lastIntent(name) >= ltime;
  }

  /** Applies an intent; false when it is not newer than what is known. */
  intentReceived(intent: Intent): boolean {
    const { node, ltime, kind } = intent;
    const member = this.#members.get(node);
    if (member === undefined) {
      if (encodeName(node).length > serfLimits.nameBytes) return false;
      if (ltime <= this.lastIntent(node) && this.#early.has(node)) return false;
      this.#early.set(node, intent);
      const [oldest] = this.#early.keys();
      if (this.#early.size > serfLimits.earlyIntents && oldest !== undefined) {
        this.#early.delete(oldest);
      }
      return true;
    }
    if (ltime <= member.ltime) return false;
    member.ltime = ltime;
    if (kind === 'join' && member.status === 'leaving') member.status = 'alive';
    if (kind === 'leave' && member.status === 'alive') member.status = 'leaving';
    if (kind === 'leave' && member.status === 'failed') member.status = 'left';
    return true;
  }

  /** What a push/pull sends. Members that memberlist has reaped are removed here. */
  state(): { statusLtimes: Map<string, number>; leftMembers: string[] } {
    const statusLtimes = new Map<string, number>();
    const leftMembers: string[] = [];
    for (const [name, { status, ltime }] of this.#members) {
      if (!this.#isKnown(name)) {
        this.#members.delete(name);
        continue;
      }
      statusLtimes.set(name, ltime);
      if (status === 'left') leftMembers.push(name);
    }
    return { statusLtimes, leftMembers };
  }
}
