/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Members by the bytes of their names. In a push/pull of thousands of known records it avoids decoding and hashing
// each name just to find out that it is known. It contains ASCII names only.
import { isAscii, isTextAt } from '../wire/ascii.js';
import { hashWith, spread } from '../wire/hash.js';
import type { Member } from './member.js';

const minSlots = 16;
/** At most one of two slots is used: collisions are rare. */
const slotsPerMember = 2;
/**
 * Names can be chosen so that they all hash to one slot. A member that finds no free slot within this many steps is
 * left out.
 */
const maxSteps = 16;

/**
 * An index over the members of a table, with open addressing. A member that it does not find may still be in the
 * table.
 */
export class NameIndex {
  #slots = new Array<Member | undefined>(minSlots).fill(undefined);
  #size = 0;

  /** The member whose name is in `buf` from `start` to `end` (exclusive), if the name is ASCII. */
  find(buf: Buffer, start: number, end: number): Member | undefined {
    let hash = 0;
    for (let at = start; at < end; at++) hash = hashWith(hash, buf[at] as number);
    const first = spread(hash);
    const last = this.#slots.length - 1;
    for (let step = 0; step < maxSteps; step++) {
      const member = this.#slots[(first + step) & last];
      if (member === undefined || isTextAt(member.name, buf, start, end)) return member;
    }
    return undefined;
  }

  /** Adds a member whose name is not in the index. */
  add(member: Member): void {
    if (!isAscii(member.name)) return;
    this.#size++;
    if (this.#size * slotsPerMember > this.#slots.length) this.#grow();
    this.#put(member);
  }

  /** Replaces the content with these members. */
  reset(members: Iterable<Member>): void {
    this.#slots = new Array<Member | undefined>(minSlots).fill(undefined);
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
    for (let step = 0; step < maxSteps; step++) {
      const slot = (first + step) & last;
      if (this.#slots[slot] !== undefined) continue;
      this.#slots[slot] = member;
      return;
    }
  }
}
