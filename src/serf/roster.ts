/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What Serf keeps of each member beside what memberlist knows: the Lamport time of its last word, and
// whether that was that it goes. Only with that word is one who is gone `left` rather than `failed`.
import { limits } from '../wire/limits.js';
import { textByteLength } from '../wire/text.js';
import type { Intent } from './messages.js';

type Status = 'alive' | 'leaving' | 'left' | 'failed';

interface Entry {
  status: Status;
  ltime: number;
}

export class Roster {
  readonly #knows: (name: string) => boolean;
  readonly #members = new Map<string, Entry>();
  /** Words of those whom we have not met; gossip may bring them first. */
  readonly #early = new Map<string, Intent>();

  /** @param init.knows - whether a name is in the member table */
  constructor(init: { knows: (name: string) => boolean }) {
    this.#knows = init.knows;
  }

  /** A member is there, by memberlist. */
  appeared(name: string): void {
    const early = this.#early.get(name);
    this.#early.delete(name);
    const ltime = Math.max(this.#members.get(name)?.ltime ?? 0, early?.ltime ?? 0);
    this.#members.set(name, { status: early?.kind === 'leave' ? 'leaving' : 'alive', ltime });
  }

  /** A member is gone, by memberlist. */
  vanished(name: string): void {
    const member = this.#members.get(name);
    if (member !== undefined) member.status = member.status === 'leaving' ? 'left' : 'failed';
  }

  /** The time of a member's last word; 0 without one. */
  lastHeard(name: string): number {
    return (this.#members.get(name) ?? this.#early.get(name))?.ltime ?? 0;
  }

  /** Whether it is known that a member left, or is about to, by a word of that time or later. */
  knowsThatItLeft(name: string, ltime: number): boolean {
    const member = this.#members.get(name);
    const goes = member?.status === 'left' || member?.status === 'leaving';
    const kind = member === undefined ? this.#early.get(name)?.kind : goes ? 'leave' : 'join';
    return kind === 'leave' && this.lastHeard(name) >= ltime;
  }

  /** Takes a member's word; false when it is no news. */
  heard(intent: Intent): boolean {
    const { node, ltime, kind } = intent;
    const member = this.#members.get(node);
    if (member === undefined) {
      if (textByteLength(node) > limits.nameBytes) return false;
      if (ltime <= this.lastHeard(node) && this.#early.has(node)) return false;
      this.#early.set(node, intent);
      const [oldest] = this.#early.keys();
      if (this.#early.size > limits.handoffQueueDepth && oldest !== undefined) {
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

  /** What a push/pull tells of it. Who is forgotten by memberlist is forgotten here. */
  state(): { statusLtimes: Map<string, number>; leftMembers: string[] } {
    const statusLtimes = new Map<string, number>();
    const leftMembers: string[] = [];
    for (const [name, { status, ltime }] of this.#members) {
      if (!this.#knows(name)) {
        this.#members.delete(name);
        continue;
      }
      statusLtimes.set(name, ltime);
      if (status === 'left') leftMembers.push(name);
    }
    return { statusLtimes, leftMembers };
  }
}
