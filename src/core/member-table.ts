/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Everybody we know: by name, and as a list whose order is the order of probing.
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
  /** Made by the first question for it: a node whose members send no messages in packets needs none. */
  #byAddress: AddressIndex | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Everybody in the table, whatever their state, ourselves included. */
  get size(): number {
    return this.#list.length;
  }

  /** Members that are alive or suspect, ourselves included. Counted as they change, so it takes no walk to ask. */
  get present(): number {
    return this.#present;
  }

  /** Who has the name that stands in `buf` from `start` to `end` (exclusive); names that are not ASCII need {@link get}. */
  named(buf: Buffer, start: number, end: number): Member | undefined {
    return this.#byBytes.find(buf, start, end);
  }

  get(name: string): Member | undefined {
    return this.#byName.get(name);
  }

  /** The member at a place of the probe order. */
  at(position: number): Member | undefined {
    return this.#list[position];
  }

  /**
   * The living member that sends from this `'ip:port'`; undefined when none does, and when several say so. Takes the
   * same time whatever the size of the table, but for the first call.
   */
  bearerOf(address: string): Member | undefined {
    this.#byAddress ??= new AddressIndex(this.#list);
    return this.#byAddress.find(address);
  }

  /** A member of the table lives now; before, it lived at the address `from`, or did not live. */
  settled(member: Member, from: string | undefined): void {
    if (from === undefined) this.#present++;
    if (this.#byAddress === undefined || from === member.address) return;
    if (from !== undefined) this.#byAddress.remove(member, from);
    this.#byAddress.add(member);
  }

  /** A member of the table lived, and does not any more. */
  vacated(member: Member): void {
    this.#present--;
    this.#byAddress?.remove(member, member.address);
  }

  /** In probe order. The table must not change while it is walked. */
  [Symbol.iterator](): IterableIterator<Member> {
    return this.#list[Symbol.iterator]();
  }

  /** Everybody, in probe order, as a list of the caller's own. */
  rows(): Member[] {
    return this.#list.slice();
  }

  /** How many members a test holds for. */
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

  /** Enters a member at a random place of the probe order (SWIM, section 4.3). */
  add(member: Member): void {
    if (this.#byName.has(member.name)) throw new Error(`${member.name} is in the table already`);
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

  /** Takes out the members that a test holds for, and gives them back. */
  removeIf(test: (member: Member) => boolean): Member[] {
    const removed = this.#list.filter(test);
    if (removed.length === 0) return removed;
    for (const member of removed) {
      this.#byName.delete(member.name);
      if (!member.isGone) this.vacated(member);
    }
    this.#list = this.#list.filter((member) => !test(member));
    this.#byBytes.reset(this.#list);
    return removed;
  }

  /** A new random probe order (Fisher–Yates). */
  shuffle(): void {
    this.#shufflePrefix(this.#list, this.#list.length);
  }

  /**
   * Up to `k` different random members that pass the test. With fewer than 3k members the whole list
   * is shuffled and filtered; else up to 3n draws are made, so that a large cluster costs little.
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
      const held = list[i] as Member;
      list[i] = list[j] as Member;
      list[j] = held;
    }
  }

  #draw(below: number): number {
    return Math.floor(this.#random.next() * below);
  }
}
