/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Keys with a time to live, the earliest first: a binary heap. An entry that was replaced stays in the heap until its
// turn, or until more than half of the heap is of this kind.
import type { Entry } from './replica.js';

/** A key that will expire. */
export interface Expiring {
  readonly name: string;
  readonly key: string;
  readonly entry: Entry;
}

/** Entries by the time at which they expire. */
export class ExpiryQueue {
  #heap: Expiring[] = [];
  readonly #isCurrent: (item: Expiring) => boolean;
  #sweepAt = 64;

  /** @param init.isCurrent - whether the entry is still in its map */
  constructor(init: { isCurrent: (item: Expiring) => boolean }) {
    this.#isCurrent = init.isCurrent;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** When the first one expires; Infinity without any. */
  get nextAt(): number {
    return this.#heap[0]?.entry.expiresAt ?? Infinity;
  }

  add(item: Expiring): void {
    if (this.#heap.length >= this.#sweepAt) this.#sweep();
    this.#heap.push(item);
    this.#rise(this.#heap.length - 1);
  }

  /** The next one that has expired and is still in its map. */
  take(now: number): Expiring | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.entry.expiresAt > now) return undefined;
      this.#removeFirst();
      if (this.#isCurrent(first)) return first;
    }
  }

  #sweep(): void {
    this.#heap = this.#heap.filter(this.#isCurrent);
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#sink(i);
    this.#sweepAt = Math.max(64, 2 * this.#heap.length);
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    return (
      left !== undefined && right !== undefined && left.entry.expiresAt < right.entry.expiresAt
    );
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    if (left === undefined || right === undefined) return;
    this.#heap[a] = right;
    this.#heap[b] = left;
  }
}
