/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Members by the bytes of their names. In a push/pull of thousands of known records it spares making a string of
// each name, and hashing it, to see that it is known. Names in other letters than ASCII are not in it.
import { isAscii, isTextAt } from '../wire/ascii.js';
import { hashWith, spread } from '../wire/hash.js';
import type { Member } from './member.js';

const fewestSlots = 16;
/** Of two slots one may be taken: then few stand in another's way. */
const slotsPerMember = 2;
/** Names can be chosen so that they all fall on one slot. Who finds no place within so many is left out. */
const mostSteps = 16;

/** An index over the members of a table, in open addressing. Who is not found may be in the table all the same. */
export class NameIndex {
  #slots = new Array<Member | undefined>(fewestSlots).fill(undefined);
  #size = 0;

  /** Who has the name that stands in `buf` from `start` to `end` (exclusive), if it is in ASCII. */
  find(buf: Buffer, start: number, end: number): Member | undefined {
    let hash = 0;
    for (let at = start; at < end; at++) hash = hashWith(hash, buf[at] as number);
    const first = spread(hash);
    const last = this.#slots.length - 1;
    for (let step = 0; step < mostSteps; step++) {
      const member = this.#slots[(first + step) & last];
      if (member === undefined || isTextAt(member.name, buf, start, end)) return member;
    }
    return undefined;
  }

  /** Enters a member whose name is not in it. */
  add(member: Member): void {
    if (!isAscii(member.name)) return;
    this.#size++;
    if (this.#size * slotsPerMember > this.#slots.length) this.#grow();
    this.#put(member);
  }

  /** Begins anew with these. */
  reset(members: Iterable<Member>): void {
    this.#slots = new Array<Member | undefined>(fewestSlots).fill(undefined);
    this.#size = 0;
    for (const member of members) this.add(member);
  }

  #grow(): void {
    const members = this.#slots;
    this.#slots = new Array<Member | undefined>(2 * members.length).fill(undefined);
    for (const member of members) if (member !== undefined) this.#put(member);
  }

  #put(member: Member): void {
    const { name } = member;
    let hash = 0;
    for (let i = 0; i < name.length; i++) hash = hashWith(hash, name.charCodeAt(i));
    const first = spread(hash);
    const last = this.#slots.length - 1;
    for (let step = 0; step < mostSteps; step++) {
      const slot = (first + step) & last;
      if (this.#slots[slot] !== undefined) continue;
      this.#slots[slot] = member;
      return;
    }
  }
}
