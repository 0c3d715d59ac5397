/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Verified members: they answered a probe of ours, or pinged us from their own address. Any node that can gossip can
// fill the table with forged names. A pass over all of these would delay the probes of real members, forged helpers
// would send no nacks, and failed probes of forged names would raise the health score.
//
// Our links are good (`areLinksGood`) while most verified members answer probes directly. If a member that was never
// verified does not answer, this then says nothing about this node, and does not raise the health score. On slow
// links the probes of verified members fail too, so nothing changes there.
//
// Two consecutive probes of unverified members that fail, or that reveal several names at one address, are evidence
// of forged names. With this evidence, two conditions can become true:
//
// - Verified members are preferred as helpers (`prefersVerifiedHelpers`), if the links are good or the table is
//   mostly unverified: indirect pings go to verified members only.
// - Verified members are outnumbered (`isOutnumbered`): the table is mostly unverified; or its size is above 2v + 4,
//   where v is the number of verified members, and the links are good or several names answer at one address; or one
//   of the v was not probed for 2v + 4 rounds. Every other probe then goes to the verified member whose last probe is
//   the longest ago, and gossip, helpers and the cluster size are based on verified members.
//
// If all members answer, a member is probed again after at most 2v − 1 rounds, and none of this has an effect.
import { limits } from '../../wire/limits.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';
import type { Random } from '../ports.js';

/** A verified member is overdue after two passes over the verified members and this many rounds. */
const GRACE_ROUNDS = 4;
/** The table is mostly unverified if it has more members than four times the verified ones and this margin. */
const UNVERIFIED_MARGIN = 64;
/**
 * This many consecutive failed (or answered) probes of unverified members indicate that most of these are forged (or
 * real).
 */
const EVIDENCE_STREAK = 2;
/**
 * Our links are good from this credit on: a direct answer of a verified member adds 1, any other outcome subtracts 2.
 */
const GOOD_LINKS = 3;
const MISS_COST = 2;
const MAX_LINK_CREDIT = 2 * GOOD_LINKS;

/** The members that are known to be real. */
export class VerifiedMembers {
  readonly #table: MemberTable;
  readonly #random: Random;
  /** The round in which each was last probed, or was added; least recent first. */
  readonly #lastRound = new Map<Member, number>();
  /** Members that pinged us and have not been probed since: the source of a packet can be forged. */
  readonly #unconfirmed = new Set<Member>();
  /** One process has one address: if several names answer at one address, only the first is verified. */
  readonly #holders = new Map<string, Member>();
  #round = 0;
  #isOutnumbered = false;
  /** Consecutive probes of unverified members that were answered or, as a negative number, failed. */
  #streak = 0;
  /** How verified members answered recently; see {@link areLinksGood}. */
  #linkCredit = 0;

  constructor(components: { table: MemberTable; random: Random }) {
    this.#table = components.table;
    this.#random = components.random;
  }

  get size(): number {
    return this.#lastRound.size;
  }

  /** Whether there are so many other members that verified ones would wait too long for their probes. */
  get isOutnumbered(): boolean {
    return this.#isOutnumbered;
  }

  /** Whether only verified members serve as helpers, because the others are most likely forged. */
  get prefersVerifiedHelpers(): boolean {
    if (this.#lastRound.size === 0) return false;
    return (
      this.#isMostlyUnverified || this.#isOutnumbered || (this.#areMostForged && this.areLinksGood)
    );
  }

  /**
   * Whether most verified members answer directly, so that a missing answer of another member is not due to our
   * links.
   */
  get areLinksGood(): boolean {
    return this.#linkCredit >= GOOD_LINKS;
  }

  /** Whether most members are unverified. */
  get #isMostlyUnverified(): boolean {
    return this.#table.size > 4 * this.#lastRound.size + UNVERIFIED_MARGIN;
  }

  /** The estimated number of members of the cluster, including ourselves. */
  get clusterSize(): number {
    return this.#isOutnumbered ? this.#lastRound.size + 1 : this.#table.size;
  }

  has(member: Member): boolean {
    return this.#lastRound.has(member);
  }

  hasName(name: string | undefined): boolean {
    const member = name === undefined ? undefined : this.#table.get(name);
    return member !== undefined && this.#lastRound.has(member);
  }

  /** A probe round of this member begins. */
  beginRound(target: Member): void {
    this.#round++;
    if (!this.#lastRound.delete(target)) return;
    this.#lastRound.set(target, this.#round);
  }

  /**
   * A member answered a probe of ours.
   *
   * @param isDirect - in time, in a packet, without helpers
   */
  probeAnswered(member: Member, isDirect: boolean): void {
    if (this.#lastRound.has(member)) {
      this.#noteLink(isDirect);
      this.#unconfirmed.delete(member);
      return;
    }
    if (member.isGone) return;
    if (!this.#add(member)) {
      // No honest node answers under several names.
      this.#noteForged();
      const { size } = this.#table;
      if (this.#areMostForged && size > this.#longestWait) this.#isOutnumbered = true;
      return;
    }
    this.#streak = Math.max(0, this.#streak) + 1;
    if (this.#streak >= EVIDENCE_STREAK) this.#isOutnumbered = false;
  }

  /**
   * A member did not answer a probe of ours. A member that answered before stays verified until it is declared dead.
   */
  probeFailed(member: Member): void {
    if (this.#unconfirmed.has(member)) this.#remove(member);
    if (this.#lastRound.has(member)) {
      this.#noteLink(false);
      return;
    }
    this.#noteForged();
    if (!this.#areMostForged) return;
    const isLong = this.#table.size > this.#longestWait;
    if (this.#isMostlyUnverified || (isLong && this.areLinksGood)) this.#isOutnumbered = true;
  }

  // Records whether a verified member answered directly.
  #noteLink(isDirect: boolean): void {
    const credit = this.#linkCredit + (isDirect ? 1 : -MISS_COST);
    this.#linkCredit = Math.min(MAX_LINK_CREDIT, Math.max(0, credit));
  }

  /** In rounds. */
  get #longestWait(): number {
    return 2 * this.#lastRound.size + GRACE_ROUNDS;
  }

  get #areMostForged(): boolean {
    return this.#streak <= -EVIDENCE_STREAK;
  }

  // It did not answer, or a process with another name answers at its address.
  #noteForged(): void {
    this.#streak = Math.min(0, this.#streak) - 1;
  }

  /** A ping came from a member's own address. */
  pingReceived(member: Member): void {
    if (this.#lastRound.has(member)) return;
    const confirmed = this.#lastRound.size - this.#unconfirmed.size;
    if (this.#unconfirmed.size >= Math.max(limits.unconfirmedMembers, confirmed)) return;
    if (this.#add(member)) this.#unconfirmed.add(member);
  }

  /**
   * The verified member that is to be probed out of turn, if there is one: while verified members are outnumbered,
   * the one whose last probe is the longest ago.
   */
  overdue(): Member | undefined {
    const longest = this.#longestWait;
    if (this.#table.size <= longest) this.#isOutnumbered = false;
    for (const [member, round] of this.#lastRound) {
      if (!this.#isPresent(member)) this.#remove(member);
      else {
        this.#isOutnumbered ||= this.#areMostForged && this.#round - round >= longest;
        return this.#isOutnumbered ? member : undefined;
      }
    }
    return undefined;
  }

  /** Up to `k` different random verified members that satisfy the test. */
  pick(k: number, test: (member: Member) => boolean): Member[] {
    const eligible: Member[] = [];
    for (const member of this.#lastRound.keys()) {
      if (this.#isPresent(member) && test(member)) eligible.push(member);
    }
    const chosen: Member[] = [];
    while (chosen.length < k && eligible.length > 0) {
      const place = Math.floor(this.#random.next() * eligible.length);
      chosen.push(eligible[place] as Member);
      eligible[place] = eligible[eligible.length - 1] as Member;
      eligible.pop();
    }
    return chosen;
  }

  #add(member: Member): boolean {
    const { address } = member;
    if (member.isGone || this.#holderAt(address) !== undefined) return false;
    if (this.#holders.size > 2 * this.#lastRound.size + limits.unconfirmedMembers) this.#sweep();
    this.#holders.set(address, member);
    this.#lastRound.set(member, this.#round);
    return true;
  }

  #holderAt(address: string): Member | undefined {
    const holder = this.#holders.get(address);
    if (holder?.address !== address || !this.#isPresent(holder)) return undefined;
    return this.#lastRound.has(holder) ? holder : undefined;
  }

  #remove(member: Member): void {
    this.#lastRound.delete(member);
    this.#unconfirmed.delete(member);
    if (this.#holders.get(member.address) === member) this.#holders.delete(member.address);
  }

  // Removes entries of members that moved to another address.
  #sweep(): void {
    for (const [address, member] of this.#holders) {
      if (member.address !== address || !this.#lastRound.has(member)) this.#holders.delete(address);
    }
  }

  #isPresent(member: Member): boolean {
    return !member.isGone && this.#table.get(member.name) === member;
  }
}
