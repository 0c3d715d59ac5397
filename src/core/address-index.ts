/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Finds the member that sends from an address. An address is not an identity: a process that restarts under another
// name keeps the address of the previous one, and any claim can name any address.
import type { Member } from './member.js';

/**
 * With more members than this at one address, no message from it is attributed to a member: the search must stay
 * short.
 */
const maxAtOneAddress = 16;

/** An index over the alive and suspect members of a table, by `'ip:port'`. */
export class AddressIndex {
  /** Almost every address has one member; such an entry needs no Set. */
  readonly #at = new Map<string, Member | Set<Member>>();

  /** @param members - the alive and suspect ones of these are added */
  constructor(members: Iterable<Member>) {
    for (const member of members) if (!member.isGone) this.add(member);
  }

  /** Adds an alive or suspect member at its address. Does nothing if it is already there. */
  add(member: Member): void {
    const { address } = member;
    const there = this.#at.get(address);
    if (there === undefined) this.#at.set(address, member);
    else if (there instanceof Set) there.add(member);
    else if (there !== member) this.#at.set(address, new Set([there, member]));
  }

  /** Removes a member that was added at this address. Does nothing if it is not there. */
  remove(member: Member, address: string): void {
    const there = this.#at.get(address);
    if (there === member) this.#at.delete(address);
    if (!(there instanceof Set)) return;
    there.delete(member);
    const [first] = there;
    if (there.size === 1 && first !== undefined) this.#at.set(address, first);
  }

  /**
   * The only member at this address: the alive one, or the suspect one if none is alive. Undefined if no member is
   * there, or if several match.
   */
  find(address: string): Member | undefined {
    const there = this.#at.get(address);
    if (!(there instanceof Set)) return there;
    if (there.size > maxAtOneAddress) return undefined;
    const alive = [...there].filter(({ state }) => state === 'alive');
    const candidates = alive.length > 0 ? alive : [...there];
    return candidates.length === 1 ? candidates[0] : undefined;
  }
}
