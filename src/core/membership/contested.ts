/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two processes cannot hold one port. Where a claim puts a member at another's address, that other is most
// likely gone, and is worth a probe at once rather than in its turn.
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';

/** Members at whose addresses somebody else has turned up. */
export class Contested {
  readonly #table: MemberTable;
  readonly #ownName: string;
  /** Addresses that were claimed since they were last taken, and for whom. */
  readonly #claimed = new Map<string, string>();

  constructor(components: { table: MemberTable }, init: { ownName: string }) {
    this.#table = components.table;
    this.#ownName = init.ownName;
  }

  /** A member has turned up at this address. */
  claim(address: string, name: string): void {
    this.#claimed.set(address, name);
  }

  /** Others that are believed to be at addresses which were claimed since this was last asked. */
  take(): Member[] {
    if (this.#claimed.size === 0) return [];
    const found: Member[] = [];
    for (const member of this.#table) {
      const { name, address, isGone } = member;
      if (isGone || name === this.#ownName) continue;
      if ((this.#claimed.get(address) ?? name) !== name) found.push(member);
    }
    this.#claimed.clear();
    return found;
  }
}
