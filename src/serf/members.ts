/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The members as Serf sees them. In addition to memberlist's record a member has the Lamport time of its last intent, and
// a status: only one that announced its leave is `left` rather than `failed` when it is gone. Members that are gone are
// remembered for a day, much longer than by memberlist, until they are reaped.
import { encodeName, type Clock, type Node } from '../index.js';
import { serfLimits } from './limits.js';
import type { Intent } from './messages.js';

/** A member's status, as in `serf members`. */
export type SerfStatus = 'alive' | 'leaving' | 'left' | 'failed';

/** What happened to a member, as in `serf monitor`. */
export type MemberChange = 'join' | 'leave' | 'failed' | 'update' | 'reap';

/** One member. */
export interface MemberEntry {
  readonly name: string;
  readonly node: Node;
  readonly status: SerfStatus;
}

interface Entry {
  name: string;
  node: Node;
  status: SerfStatus;
  /** Of the last intent; 0 without one. */
  ltime: number;
  /** When it left or failed. */
  goneAt: number;
}

interface EarlyIntent {
  readonly kind: Intent['kind'];
  readonly ltime: number;
  readonly at: number;
}

/** Milliseconds after which something is reaped. */
export interface ReapTimes {
  readonly failed: number;
  readonly left: number;
  readonly intents: number;
}

/** What {@link Members} reports. */
export interface MembersInit {
  readonly clock: Clock;
  readonly reapAfter: ReapTimes;
  /** A member changed; it has its new status. */
  readonly changed: (change: MemberChange, member: MemberEntry) => void;
  /** A failed member was declared to have left: no member tries to reconnect to it. */
  readonly givenUp: (name: string) => void;
}

/** All members, as one node sees them. */
export class Members {
  readonly #init: MembersInit;
  readonly #members = new Map<string, Entry>();
  /** Those that left or failed, in that order. */
  readonly #gone = new Map<string, Entry>();
  /** Intents of nodes that are no members yet: gossip may deliver them first. */
  readonly #early = new Map<string, EarlyIntent>();

  constructor(init: MembersInit) {
    this.#init = init;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Whether there is something to reap, sooner or later. */
  get mustReap(): boolean {
    return this.#gone.size > 0 || this.#early.size > 0;
  }

  get(name: string): MemberEntry | undefined {
    return this.#members.get(name);
  }

  *[Symbol.iterator](): Generator<MemberEntry> {
    yield* this.#members.values();
  }

  /**
   * memberlist reports that a member joined.
   *
   * @returns how long it had been failed, in milliseconds; undefined when it had not
   */
  joined(node: Node): number | undefined {
    const { name } = node;
    const before = this.#members.get(name);
    const early = this.#early.get(name);
    this.#early.delete(name);
    const ltime = Math.max(before?.ltime ?? 0, early?.ltime ?? 0);
    const status = before === undefined && early?.kind === 'leave' ? 'leaving' : 'alive';
    const entry: Entry = { name, node, status, ltime, goneAt: 0 };
    this.#members.set(name, entry);
    this.#gone.delete(name);
    this.#init.changed('join', entry);
    return before?.status === 'failed' ? this.#init.clock.now() - before.goneAt : undefined;
  }

  /** memberlist reports new metadata or another address. */
  updated(node: Node, options: { silent?: boolean } = {}): void {
    const entry = this.#members.get(node.name);
    if (entry === undefined) return;
    entry.node = node;
    if (options.silent !== true) this.#init.changed('update', entry);
  }

  /** memberlist reports that a member left or failed. */
  wentAway(name: string): void {
    const entry = this.#members.get(name);
    if (entry === undefined || (entry.status !== 'alive' && entry.status !== 'leaving')) return;
    entry.status = entry.status === 'leaving' ? 'left' : 'failed';
    this.#setGone(entry);
    this.#init.changed(entry.status === 'left' ? 'leave' : 'failed', entry);
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
  intentReceived({ node, ltime, kind }: Intent): boolean {
    const member = this.#members.get(node);
    if (member === undefined) return this.#keepEarly(node, { kind, ltime });
    if (ltime <= member.ltime) return false;
    member.ltime = ltime;
    if (kind === 'join' && member.status === 'leaving') member.status = 'alive';
    if (kind === 'leave' && member.status === 'alive') member.status = 'leaving';
    if (kind === 'leave' && member.status === 'failed') {
      member.status = 'left';
      this.#setGone(member);
      this.#init.givenUp(node);
      this.#init.changed('leave', member);
    }
    return true;
  }

  /** Erases a member. */
  erase(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    this.#members.delete(name);
    this.#gone.delete(name);
    this.#init.changed('reap', member);
  }

  /** Erases members that have been gone long enough, and old intents. */
  reap(): void {
    const { clock, reapAfter } = this.#init;
    const now = clock.now();
    for (const { name, status, goneAt } of this.#gone.values()) {
      const after = status === 'left' ? reapAfter.left : reapAfter.failed;
      if (now - goneAt > after) this.erase(name);
    }
    for (const [name, { at }] of this.#early) {
      if (now - at > reapAfter.intents) this.#early.delete(name);
    }
  }

  /** What a push/pull sends. */
  state(): { statusLtimes: Map<string, number>; leftMembers: string[] } {
    const statusLtimes = new Map<string, number>();
    const leftMembers: string[] = [];
    for (const [name, { status, ltime }] of this.#members) {
      statusLtimes.set(name, ltime);
      if (status === 'left') leftMembers.push(name);
    }
    return { statusLtimes, leftMembers };
  }

  #setGone(entry: Entry): void {
    entry.goneAt = this.#init.clock.now();
    this.#gone.delete(entry.name);
    this.#gone.set(entry.name, entry);
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > serfLimits.goneMembers && oldest !== undefined) this.erase(oldest);
  }

  #keepEarly(name: string, { kind, ltime }: Pick<Intent, 'kind' | 'ltime'>): boolean {
    if (encodeName(name).length > serfLimits.nameBytes) return false;
    const known = this.#early.get(name);
    if (known !== undefined && ltime <= known.ltime) return false;
    this.#early.delete(name);
    this.#early.set(name, { kind, ltime, at: this.#init.clock.now() });
    const [oldest] = this.#early.keys();
    if (this.#early.size > serfLimits.earlyIntents && oldest !== undefined) {
      this.#early.delete(oldest);
    }
    return true;
  }
}
