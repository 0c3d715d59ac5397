/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All known members: by name, and as a list in probe order.
import { AddressIndex } from './address-index.js';
import type { Member, MemberState } from './member.js';
import { NameIndex } from './name-index.js';
import type { Random } from './ports.js';

/** The member table. */
export class MemberTable {
  readonly #random: Random;
  readonly #byName = new Map<string, Member>();
  readonly #byBytes = new NameIndex();
  #list: Member[] = [];
  #present = 0;
  /** Created by the first lookup: a node whose members send no user messages in packets does not need it. */
  #byAddress: AddressIndex | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Number of members in any state, including ourselves. */
  get size(): number {
    return this.#list.length;
  }

  /** How many members are alive or suspect, this node included. Counted as they change: reading it walks no table. */
  get present(): number {
    return this.#present;
  }

  /**
   * The member whose name is in `buf` from `start` to `end` (exclusive). Names that are not ASCII need {@link get}.
   */
  findByBytes(buf: Buffer, start: number, end: number): Member | undefined {
    return this.#byBytes.find(buf, start, end);
  }

  get(name: string): Member | undefined {
    return this.#byName.get(name);
  }

  /** The member at a position of the probe order. */
  at(position: number): Member | undefined {
    return this.#list[position];
  }

  /**
   * The alive or suspect member at this `'ip:port'`; undefined if there is none, or if several claim it. Takes
   * constant time, except for the first call.
   */
  memberAtAddress(address: string): Member | undefined {
    this.#byAddress ??= new AddressIndex(this.#list);
    return this.#byAddress.find(address);
  }

  /**
   * Records that a member of the table is alive, and updates the index of addresses. `from` is the address at which
   * it was alive or suspect before; undefined if it was neither.
   */
  markPresent(member: Member, from: string | undefined): void {
    if (from === undefined) this.#present++;
    if (this.#byAddress === undefined || from === member.address) return;
    if (from !== undefined) this.#byAddress.remove(member, from);
    this.#byAddress.add(member);
  }

  /** Records that a member of the table, which was alive or suspect, is dead or has left. */
  markGone(member: Member): void {
    this.#present--;
    this.#byAddress?.remove(member, member.address);
  }

  /** In probe order. The table must not change during the iteration. */
  [Symbol.iterator](): IterableIterator<Member> {
    return this.#list[Symbol.iterator]();
  }

  /** A copy of the list of members, in probe order. */
  rows(): Member[] {
    return this.#list.slice();
  }

  /** How many members satisfy a test. */
  count(test: (member: Member) => boolean): number {
    let count = 0;
    for (const member of this.#list) if (test(member)) count++;
    return count;
  }

  /** How many members are in each state. */
  countByState(): Record<MemberState, number> {
    const counts = { alive: 0, suspect: 0, dead: 0, left: 0 };
    for (const { state } of this.#list) counts[state]++;
    return counts;
  }

  /** Adds a member at a random position of the probe order (SWIM, section 4.3). */
  add(member: Member): void {
    if (this.#byName.has(member.name)) throw new Error(`${member.name} is already in the table`);
    this.#byName.set(member.name, member);
    this.#byBytes.add(member);
    if (!member.isGone) {
      this.#present++;
      this.#byAddress?.add(member);
    }
    const place = this.#draw(this.#list.length + 1);
    const displaced = this.#list[place];
    this.#list.push(displaced ?? member);
    this.#list[place] = member;
  }

  /** Removes the members that satisfy a test, and returns them. */
  removeIf(test: (member: Member) => boolean): Member[] {
    const removed = this.#list.filter(test);
    if (removed.length === 0) return removed;
    for (const member of removed) {
      this.#byName.delete(member.name);
      if (!member.isGone) this.markGone(member);
    }
    this.#list = this.#list.filter((member) => !test(member));
    this.#byBytes.reset(this.#list);
    return removed;
  }

  /** Shuffles the probe order (Fisher–Yates). */
  shuffle(): void {
    this.#shufflePrefix(this.#list, this.#list.length);
  }

  /**
   * Up to `k` different random members that satisfy the test. With fewer than 3k members the whole list is shuffled
   * and filtered; otherwise up to 3n random draws are made, so that the cost stays low in a large cluster.
   */
  pick(k: number, test: (member: Member) => boolean): Member[] {
    const n = this.#list.length;
    if (n < 3 * k) {
      const copy = [...this.#list];
      this.#shufflePrefix(copy, n);
      return copy.filter(test).slice(0, k);
    }
    const chosen: Member[] = [];
    for (let draws = 0; draws < 3 * n && chosen.length < k; draws++) {
      const member = this.#list[this.#draw(n)] as Member;
      if (!chosen.includes(member) && test(member)) chosen.push(member);
    }
    return chosen;
  }

  #shufflePrefix(list: Member[], length: number): void {
    for (let i = length - 1; i > 0; i--) {
      const j = this.#draw(i + 1);
      const swapped = list[i] as Member;
      list[i] = list[j] as Member;
      list[j] = swapped;
    }
  }

  #draw(below: number): number {
    return Math.floor(this.#random.next() * below);
  }
}
