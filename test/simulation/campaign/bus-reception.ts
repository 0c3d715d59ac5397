/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What one incarnation of a node has received of one publisher, and what it is owed.

/** The messages of one publisher at one receiver. */
export class Reception {
  /** The number that follows what was delivered or missed; undefined before the first delivery. */
  #next: number | undefined;
  /** The first number that was delivered. */
  #first = 0;
  /** How many messages a gap covered before the first delivery. */
  #missedBefore = 0;
  /** Gaps of known size: the numbers from and to. */
  readonly #gaps: [number, number][] = [];
  /** The first and last number that the receiver is owed, since the last gap of unknown size. */
  #firstOwed: number | undefined;
  #lastOwed = 0;
  /** What was published before the last gap of unknown size. */
  #excused = 0;

  get next(): number | undefined {
    return this.#next;
  }

  /** The receiver and the publisher list each other when this message is published. */
  owe(seq: number): void {
    this.#firstOwed ??= seq;
    this.#lastOwed = seq;
  }

  /** Whether the receiver is owed a message. */
  isOwed(seq: number): boolean {
    return this.#firstOwed !== undefined && seq >= this.#firstOwed && seq <= this.#lastOwed;
  }

  /** A message is delivered that is not older than those before. @returns a number that is lost without a gap */
  delivered(seq: number): number | undefined {
    const before = this.#next;
    this.#next = seq + 1;
    if (before !== undefined) return seq === before ? undefined : before;
    this.#first = seq;
    const firstOwed = this.#firstOwed ?? seq;
    return firstOwed < seq - this.#missedBefore ? firstOwed : undefined;
  }

  /** A gap of known size. @returns the last number in it, if that is certain */
  missed(count: number): number | undefined {
    if (this.#next === undefined) {
      this.#missedBefore += count;
      return undefined;
    }
    const from = this.#next;
    this.#next += count;
    this.#gaps.push([from, this.#next - 1]);
    return this.#next - 1;
  }

  /** A gap of unknown size covers what was published so far. */
  excuse(high: number): void {
    this.#excused = Math.max(this.#excused, high);
    this.#firstOwed = undefined;
  }

  /** A number that the receiver is owed and has neither received nor missed. */
  get outstanding(): number | undefined {
    if (this.#firstOwed === undefined || this.#lastOwed <= this.#excused) return undefined;
    if (this.#next === undefined) {
      const known = this.#firstOwed + this.#missedBefore;
      return known > this.#lastOwed ? undefined : this.#firstOwed;
    }
    return this.#next > this.#lastOwed ? undefined : this.#next;
  }

  /** Whether a message was delivered. */
  has(seq: number): boolean {
    if (this.#next === undefined || seq >= this.#next || seq < this.#first) return false;
    return !this.#gaps.some(([from, to]) => seq >= from && seq <= to);
  }
}
