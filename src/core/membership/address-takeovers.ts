/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two processes cannot share one port. When a claim places a member at the address of another one, the other has most
// likely gone, and is probed at once instead of in its turn. Claims are cheap to forge, so this state is bounded, has
// no duplicates, and an address whose holder answered is not checked again soon.
import { limits } from '../../wire/limits.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';

/** Members at whose addresses another name was claimed, and that are therefore probed early. */
export class AddressTakeovers {
  readonly #table: MemberTable;
  readonly #ownName: string;
  /** Claimed addresses whose other holders are still to be found, with the newest name. */
  readonly #claimed = new Map<string, string>();
  readonly #waiting = new Set<Member>();
  /** Addresses whose holder answered since {@link newPass}: one process there is known by several names. */
  readonly #answered = new Set<string>();
  /** Where the search for holders continues in a table that is too long for one step, and how many rows are left. */
  #searchAt = 0;
  #searchLeft = 0;

  constructor(components: { table: MemberTable }, init: { ownName: string }) {
    this.#table = components.table;
    this.#ownName = init.ownName;
  }

  /** Number of members that wait to be probed. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * A member was claimed to be at this address. Beyond the limit earlier claims are dropped, most of which come from
   * a merged table: each member is probed in its turn anyway.
   */
  claim(address: string, name: string): void {
    if (this.#answered.has(address)) return;
    if (this.#claimed.size >= limits.takeoverAddresses) this.#claimed.clear();
    this.#claimed.set(address, name);
    this.#searchLeft = Infinity;
  }

  /** The next member to probe because its address was claimed for another name; each is returned once per claim. */
  next(): Member | undefined {
    this.#search();
    for (const member of this.#waiting) {
      this.#waiting.delete(member);
      const isThere = !member.isGone && this.#table.get(member.name) === member;
      if (isThere && !this.#answered.has(member.address)) return member;
    }
    return undefined;
  }

  /** The holder of a claimed address answered: the address is not checked again before {@link newPass}. */
  holderAnswered(address: string): void {
    if (this.#answered.size >= limits.takeoverAddresses) this.#answered.clear();
    this.#answered.add(address);
    this.#claimed.delete(address);
  }

  /** Each member was probed once: addresses may be checked again. */
  newPass(): void {
    this.#answered.clear();
  }

  // Finds the members believed to be at claimed addresses. A long table is searched in steps.
  #search(): void {
    if (this.#claimed.size === 0) return;
    const { size } = this.#table;
    const steps = Math.min(size, limits.takeoverSearchRows, this.#searchLeft);
    if (this.#searchLeft === Infinity) {
      this.#searchLeft = size;
      if (size <= limits.takeoverSearchRows) this.#searchAt = 0;
    }
    for (let step = 0; step < steps; step++) {
      const member = this.#table.at(this.#searchAt++ % size) as Member;
      if (!this.#isDisplaced(member)) continue;
      if (this.#waiting.size >= limits.takeoverMembers) break;
      this.#waiting.add(member);
    }
    this.#searchAt %= Math.max(1, size);
    this.#searchLeft -= steps;
    if (this.#searchLeft <= 0) this.#claimed.clear();
  }

  #isDisplaced({ name, address, isGone }: Member): boolean {
    return !isGone && name !== this.#ownName && (this.#claimed.get(address) ?? name) !== name;
  }
}
