/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Verified members: they answered a probe of ours, or pinged us from their own address. Any node that can gossip
// can fill the table with forged names. A pass over all of these would delay the probes of real members, forged
// helpers would send no nacks, and failed probes of forged names would raise the health score.
//
// Our links are good (`areLinksGood`) while most verified members answer probes directly. The silence of a member
// that was never verified then says nothing about this node, and costs no health. On slow links the probes of
// verified members fail too, so there nothing changes.
//
// Two probes in a row of members that are not verified and that fail, or that show several names at one address,
// are evidence of forged names. With this evidence, two conditions can become true:
//
// - Verified members help (`shouldHelp`), where the links are good or the table is crowded: indirect pings go to
//   verified members only.
// - Verified members are outnumbered (`isOutnumbered`): the table is crowded; or its size is above 2v + 4, where v is
//   the number of verified members, and the links are good or several names are answered for at one address; or one
//   of the v was not probed for 2v + 4 rounds. Every other probe then goes to the verified member whose last probe
//   was the longest ago, and gossip, help and the cluster size go by verified members.
//
// Where all members answer, a member is probed again after at most 2v − 1 rounds, and none of this has an effect.
import { limits } from '../../wire/limits.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';
import type { Random } from '../ports.js';

/** Rounds beside those of two passes after which a verified member is overdue. */
const GRACE_ROUNDS = 4;
/** Members beside four times the verified ones with which a table is crowded. */
const ROOM = 64;
/** So many probes in a row of members that were not verified say that most of those are made up, or that they are not. */
const TELLING = 2;
/** Our links are good from this credit on: a direct answer of a verified member adds 1, anything else takes 2. */
const GOOD_LINKS = 3;
const MISS_COST = 2;
const MAX_LINK_CREDIT = 2 * GOOD_LINKS;

/** The members that are known to be real. */
export class VerifiedMembers {
  readonly #table: MemberTable;
  readonly #random: Random;
  /** The round in which each was last probed, or came in; least recent first. */
  readonly #lastRound = new Map<Member, number>();
  /** Those that pinged us and have not been probed since: the source of a packet can be forged. */
  readonly #unconfirmed = new Set<Member>();
  /** One process has one address: of several names that are answered for at one, the first counts. */
  readonly #holders = new Map<string, Member>();
  #round = 0;
  #isOutnumbered = false;
  /** Probes of members that were not verified: so many in a row were answered, or (negative) failed. */
  #streak = 0;
  /** How verified members answered lately; see {@link areLinksGood}. */
  #linkCredit = 0;

  constructor(components: { table: MemberTable; random: Random }) {
    this.#table = components.table;
    this.#random = components.random;
  }

  get size(): number {
    return this.#lastRound.size;
  }

  /** Whether there are so many other members that verified ones could not be probed in their turn. */
  get isOutnumbered(): boolean {
    return this.#isOutnumbered;
  }

  /** Whether only verified members are to be asked for help, since the others are most likely made up. */
  get shouldHelp(): boolean {
    if (this.#lastRound.size === 0) return false;
    return this.#isCrowded || this.#isOutnumbered || (this.#areMostMadeUp && this.areLinksGood);
  }

  /** Whether most verified members answer directly, so that the silence of another member is not due to our links. */
  get areLinksGood(): boolean {
    return this.#linkCredit >= GOOD_LINKS;
  }

  /** Whether most members are not verified. */
  get #isCrowded(): boolean {
    return this.#table.size > 4 * this.#lastRound.size + ROOM;
  }

  /** How many members the cluster has, for all that is known, ourselves included. */
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
   * @param isDirect - in time, in a packet, without the help of others
   */
  answered(member: Member, isDirect: boolean): void {
    if (this.#lastRound.has(member)) {
      this.#noteLink(isDirect);
      this.#unconfirmed.delete(member);
      return;
    }
    if (member.isGone) return;
    if (!this.#add(member)) {
      // No honest node answers for several names.
      this.#madeUp();
      const { size } = this.#table;
      if (this.#areMostMadeUp && size > this.#longestWait) this.#isOutnumbered = true;
      return;
    }
    this.#streak = Math.max(0, this.#streak) + 1;
    if (this.#streak >= TELLING) this.#isOutnumbered = false;
  }

  /** A member did not answer a probe of ours. One that has answered before stays until it is found dead. */
  silent(member: Member): void {
    if (this.#unconfirmed.has(member)) this.#remove(member);
    if (this.#lastRound.has(member)) {
      this.#noteLink(false);
      return;
    }
    this.#madeUp();
    if (!this.#areMostMadeUp) return;
    const isLong = this.#table.size > this.#longestWait;
    if (this.#isCrowded || (isLong && this.areLinksGood)) this.#isOutnumbered = true;
  }

  // Whether a verified member answered directly.
  #noteLink(isDirect: boolean): void {
    const credit = this.#linkCredit + (isDirect ? 1 : -MISS_COST);
    this.#linkCredit = Math.min(MAX_LINK_CREDIT, Math.max(0, credit));
  }

  /** Rounds. */
  get #longestWait(): number {
    return 2 * this.#lastRound.size + GRACE_ROUNDS;
  }

  get #areMostMadeUp(): boolean {
    return this.#streak <= -TELLING;
  }

  // It did not answer, or somebody answered for it who has another name.
  #madeUp(): void {
    this.#streak = Math.min(0, this.#streak) - 1;
  }

  /** A packet came from a member's own address. */
  heard(member: Member): void {
    if (this.#lastRound.has(member)) return;
    const confirmed = this.#lastRound.size - this.#unconfirmed.size;
    if (this.#unconfirmed.size >= Math.max(limits.unconfirmedMembers, confirmed)) return;
    if (this.#add(member)) this.#unconfirmed.add(member);
  }

  /**
   * The verified member whose probe is not to wait for its turn, if there is one: while they are outnumbered the one
   * that was probed the longest time ago.
   */
  overdue(): Member | undefined {
    const longest = this.#longestWait;
    if (this.#table.size <= longest) this.#isOutnumbered = false;
    for (const [member, round] of this.#lastRound) {
      if (!this.#isThere(member)) this.#remove(member);
      else {
        this.#isOutnumbered ||= this.#areMostMadeUp && this.#round - round >= longest;
        return this.#isOutnumbered ? member : undefined;
      }
    }
    return undefined;
  }

  /** Up to `k` different random verified members that pass the test. */
  pick(k: number, test: (member: Member) => boolean): Member[] {
    const eligible: Member[] = [];
    for (const member of this.#lastRound.keys()) {
      if (this.#isThere(member) && test(member)) eligible.push(member);
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
    if (holder?.address !== address || !this.#isThere(holder)) return undefined;
    return this.#lastRound.has(holder) ? holder : undefined;
  }

  #remove(member: Member): void {
    this.#lastRound.delete(member);
    this.#unconfirmed.delete(member);
    if (this.#holders.get(member.address) === member) this.#holders.delete(member.address);
  }

  // A member that moved leaves its old address behind.
  #sweep(): void {
    for (const [address, member] of this.#holders) {
      if (member.address !== address || !this.#lastRound.has(member)) this.#holders.delete(address);
    }
  }

  #isThere(member: Member): boolean {
    return !member.isGone && this.#table.get(member.name) === member;
  }
}
