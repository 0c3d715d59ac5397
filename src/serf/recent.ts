/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What was heard already: gossip brings everything several times, and it is to be told and passed on once.
// As in Serf, a ring by Lamport time: what is older than its length is taken for old.

const LENGTH = 512;
/** Different things that were said at the same time: a handful, or somebody plays tricks. */
const MOST_AT_ONE_TIME = 64;

export class Recent<T> {
  readonly #slots: ({ readonly ltime: number; readonly items: T[] } | undefined)[] = [];
  readonly #isSame: (one: T, other: T) => boolean;
  #notBefore = 0;

  constructor(init: { isSame: (one: T, other: T) => boolean }) {
    this.#isSame = init.isSame;
  }

  /** From now on what was said before that is old. */
  ignoreBefore(ltime: number): void {
    this.#notBefore = Math.max(this.#notBefore, ltime);
  }

  /**
   * Whether it is heard for the first time; it is remembered.
   *
   * @param now - what the clock says
   */
  isNew(ltime: number, item: T, now: number): boolean {
    if (ltime < this.#notBefore || ltime + LENGTH < now) return false;
    const place = ltime % LENGTH;
    const slot = this.#slots[place];
    if (slot?.ltime !== ltime) {
      if (slot !== undefined && slot.ltime > ltime) return false;
      this.#slots[place] = { ltime, items: [item] };
      return true;
    }
    if (slot.items.length >= MOST_AT_ONE_TIME) return false;
    if (slot.items.some((other) => this.#isSame(item, other))) return false;
    slot.items.push(item);
    return true;
  }

  /** Everything that is remembered. */
  *[Symbol.iterator](): Generator<T> {
    for (const slot of this.#slots) if (slot !== undefined) yield* slot.items;
  }
}
