/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which member sends from an address. An address is no identity: a process that restarts under another name has the
// address of the one before it, and any claim may name any address.
import type { Member } from './member.js';

/** With more members than this at one address, no message from there is attributed: the search must stay short. */
const mostAtOneAddress = 16;

/** An index over the living members of a table, by `'ip:port'`. */
export class AddressIndex {
  /** Nearly every address has one member, and an object less. */
  readonly #at = new Map<string, Member | Set<Member>>();

  /** @param members - of these, the living ones are entered */
  constructor(members: Iterable<Member>) {
    for (const member of members) if (!member.isGone) this.add(member);
  }

  /** Enters a living member at its address; nothing changes if it is there. */
  add(member: Member): void {
    const { address } = member;
    const there = this.#at.get(address);
    if (there === undefined) this.#at.set(address, member);
    else if (there instanceof Set) there.add(member);
    else if (there !== member) this.#at.set(address, new Set([there, member]));
  }

  /** Takes a member out that was entered at this address; nothing changes if it is not there. */
  remove(member: Member, address: string): void {
    const there = this.#at.get(address);
    if (there === member) this.#at.delete(address);
    if (!(there instanceof Set)) return;
    there.delete(member);
    const [first] = there;
    if (there.size === 1 && first !== undefined) this.#at.set(address, first);
  }

  /**
   * The one member at this address: the alive one, or the suspect one where none is alive. Undefined when there is
   * none, and when it could be any of several.
   */
  find(address: string): Member | undefined {
    const there = this.#at.get(address);
    if (!(there instanceof Set)) return there;
    if (there.size > mostAtOneAddress) return undefined;
    const alive = [...there].filter(({ state }) => state === 'alive');
    const candidates = alive.length > 0 ? alive : [...there];
    return candidates.length === 1 ? candidates[0] : undefined;
  }
}
