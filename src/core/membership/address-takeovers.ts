/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two processes cannot hold one port. Where a claim puts a member at another's address, that other is most
// likely gone, and is worth a probe at once rather than in its turn. Claims are cheap to forge, so all that is
// kept here is bounded, nothing is kept twice, and an address whose holder answered is not checked again at once.
import { limits } from '../../wire/limits.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';

/** Members at whose addresses somebody else has turned up, and that are to be probed before others. */
export class AddressTakeovers {
  readonly #table: MemberTable;
  readonly #ownName: string;
  /** Addresses that were claimed and whose other holders are still to be looked for, with the newest name. */
  readonly #claimed = new Map<string, string>();
  readonly #waiting = new Set<Member>();
  /** Addresses whose holder answered since {@link newPass}: more than one name stands for one process there. */
  readonly #answered = new Set<string>();
  /** Where the search for holders goes on in a table that is too long for one step, and how much of it is left. */
  #searchAt = 0;
  #searchLeft = 0;

  constructor(components: { table: MemberTable }, init: { ownName: string }) {
    this.#table = components.table;
    this.#ownName = init.ownName;
  }

  /** How many members wait to be probed. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * A member has turned up at this address. Past the limit earlier claims are dropped, of which most are of
   * a table that was merged: each member has its turn anyway.
   */
  claim(address: string, name: string): void {
    if (this.#answered.has(address)) return;
    if (this.#claimed.size >= limits.contestedAddresses) this.#claimed.clear();
    this.#claimed.set(address, name);
    this.#searchLeft = Infinity;
  }

  /** The next member to be probed because its address is contested; each is given once per claim. */
  next(): Member | undefined {
    this.#search();
    for (const member of this.#waiting) {
      this.#waiting.delete(member);
      const isThere = !member.isGone && this.#table.get(member.name) === member;
      if (isThere && !this.#answered.has(member.address)) return member;
    }
    return undefined;
  }

  /** The holder of a contested address answered: the address is not checked again before {@link newPass}. */
  answered(address: string): void {
    if (this.#answered.size >= limits.contestedAddresses) this.#answered.clear();
    this.#answered.add(address);
    this.#claimed.delete(address);
  }

  /** Each member was probed once: addresses may be checked again. */
  newPass(): void {
    this.#answered.clear();
  }

  // Finds those that are believed to be at claimed addresses. A long table is searched in steps.
  #search(): void {
    if (this.#claimed.size === 0) return;
    const { size } = this.#table;
    const steps = Math.min(size, limits.contestedSearch, this.#searchLeft);
    if (this.#searchLeft === Infinity) {
      this.#searchLeft = size;
      if (size <= limits.contestedSearch) this.#searchAt = 0;
    }
    for (let step = 0; step < steps; step++) {
      const member = this.#table.at(this.#searchAt++ % size) as Member;
      if (!this.#isContested(member)) continue;
      if (this.#waiting.size >= limits.contestedMembers) break;
      this.#waiting.add(member);
    }
    this.#searchAt %= Math.max(1, size);
    this.#searchLeft -= steps;
    if (this.#searchLeft <= 0) this.#claimed.clear();
  }

  #isContested({ name, address, isGone }: Member): boolean {
    return !isGone && name !== this.#ownName && (this.#claimed.get(address) ?? name) !== name;
  }
}
