/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What was heard already: gossip brings everything several times, and it is to be told and passed on once.
// As in Serf, a ring by Lamport time: what is older than its length is taken for old. Serf bounds neither the
// number of things at one time nor their bytes; here all of them together have a bound by bytes.

const LENGTH = 512;
/** What one remembered thing costs beside its own bytes. */
const ITEM_BYTES = 128;

interface Slot<T> {
  readonly ltime: number;
  readonly items: Map<string | number, T>;
  bytes: number;
}

/** The things of the last 512 Lamport times. */
export class Recent<T> {
  readonly #slots: (Slot<T> | undefined)[] = [];
  readonly #keyOf: (item: T) => string | number;
  readonly #bytesOf: (item: T) => number;
  readonly #mostBytes: number;
  #bytes = 0;
  #notBefore = 0;

  /**
   * @param init.keyOf - equal for two things of one Lamport time if they are the same
   * @param init.bytesOf - what a thing and its key take
   * @param init.mostBytes - what all of them may take
   */
  constructor(init: {
    keyOf: (item: T) => string | number;
    bytesOf: (item: T) => number;
    mostBytes: number;
  }) {
    this.#keyOf = init.keyOf;
    this.#bytesOf = init.bytesOf;
    this.#mostBytes = init.mostBytes;
  }

  /** From now on what was said before that is old. */
  ignoreBefore(ltime: number): void {
    this.#notBefore = Math.max(this.#notBefore, ltime);
  }

  /** Whether it is heard for the first time: see `hear`. */
  isNew(ltime: number, item: T, now: number): boolean {
    return this.hear(ltime, item, now) === 'new';
  }

  /**
   * Whether it is heard for the first time; it is remembered. Where memory is short the oldest times are
   * forgotten, and everything from then is old; what is itself the oldest is dropped.
   *
   * @param now - what the clock says
   */
  hear(ltime: number, item: T, now: number): 'new' | 'known' | 'dropped' {
    if (ltime < this.#notBefore || ltime + LENGTH < now) return 'dropped';
    const place = ltime % LENGTH;
    const slot = this.#slots[place];
    const key = this.#keyOf(item);
    if (slot !== undefined) {
      if (slot.ltime > ltime) return 'dropped';
      if (slot.ltime < ltime) this.#drop(slot);
      else if (slot.items.has(key)) return 'known';
    }
    const bytes = ITEM_BYTES + this.#bytesOf(item);
    if (!this.#makeRoom(bytes, ltime)) return 'dropped';
    const own = (this.#slots[place] ??= { ltime, items: new Map(), bytes: 0 });
    own.items.set(key, item);
    own.bytes += bytes;
    this.#bytes += bytes;
    return 'new';
  }

  /** Everything that is remembered. */
  *[Symbol.iterator](): Generator<T> {
    for (const slot of this.#slots) if (slot !== undefined) yield* slot.items.values();
  }

  #makeRoom(bytes: number, ltime: number): boolean {
    while (this.#bytes + bytes > this.#mostBytes) {
      const oldest = this.#oldest();
      if (oldest === undefined || oldest.ltime >= ltime) return false;
      this.#drop(oldest);
      // What is forgotten would be new again when it is heard the next time, and would be passed on for ever.
      this.ignoreBefore(oldest.ltime + 1);
    }
    return true;
  }

  #oldest(): Slot<T> | undefined {
    let oldest: Slot<T> | undefined;
    for (const slot of this.#slots) {
      if (slot !== undefined && (oldest === undefined || slot.ltime < oldest.ltime)) oldest = slot;
    }
    return oldest;
  }

  #drop(slot: Slot<T>): void {
    this.#slots[slot.ltime % LENGTH] = undefined;
    this.#bytes -= slot.bytes;
  }
}
