/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Broadcasts that were sent equally often, in the order in which they are taken: the longest that
// still fits, then the newest. A bucket for each length, so that queueing a whole cluster's news,
// as a join does, costs the same for each piece of it.

/** What a tier orders by. */
export interface Ranked {
  /** Bytes. */
  readonly length: number;
  /** Newer broadcasts have higher ones. */
  readonly id: number;
}

/** So many lengths without a broadcast are put up with; they mostly come again at once. */
const emptyBuckets = 32;

/** The broadcasts of one number of transmissions. */
export class BroadcastTier<T extends Ranked> {
  /** The lengths that there are or were, rising. */
  #lengths: number[] = [];
  /** Of each length, the newest last. */
  readonly #buckets: T[][] = [];
  #empty = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: T): void {
    const bucket = this.#bucketFor(entry.length);
    if (bucket.length === 0) this.#empty--;
    const last = bucket[bucket.length - 1];
    if (last === undefined || last.id < entry.id) bucket.push(entry);
    else bucket.splice(placeOf(bucket, entry), 0, entry);
    this.#size++;
  }

  /** Takes the entry out; it must be in. */
  remove(entry: T): void {
    const bucket = this.#buckets[this.#placeOfLength(entry.length)] as T[];
    bucket.splice(placeOf(bucket, entry), 1);
    this.#took(bucket, 1);
  }

  /** Takes out the newest of the longest that are not longer than this. */
  takeLongest(most: number): T | undefined {
    if (this.#size === 0) return undefined;
    for (let place = this.#lengths.length - 1; place >= 0; place--) {
      if ((this.#lengths[place] as number) > most) continue;
      const bucket = this.#buckets[place] as T[];
      const entry = bucket.pop();
      if (entry === undefined) continue;
      this.#took(bucket, 1);
      return entry;
    }
    return undefined;
  }

  /** Takes out at most so many, those first that would be taken last: the oldest of the shortest. */
  takeLast(most: number): T[] {
    const taken: T[] = [];
    for (const bucket of [...this.#buckets]) {
      const cut = bucket.splice(0, most - taken.length);
      if (cut.length === 0) continue;
      for (const entry of cut) taken.push(entry);
      this.#took(bucket, cut.length);
    }
    return taken;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const bucket of this.#buckets) yield* bucket;
  }

  #bucketFor(length: number): T[] {
    const place = this.#placeOfLength(length);
    if (this.#lengths[place] !== length) {
      this.#lengths.splice(place, 0, length);
      this.#buckets.splice(place, 0, []);
      this.#empty++;
    }
    return this.#buckets[place] as T[];
  }

  #took(bucket: readonly T[], count: number): void {
    this.#size -= count;
    if (bucket.length > 0) return;
    this.#empty++;
    if (this.#empty > emptyBuckets && 2 * this.#empty > this.#buckets.length) this.#forgetEmpty();
  }

  #forgetEmpty(): void {
    this.#lengths = this.#lengths.filter((_, place) => (this.#buckets[place] as T[]).length > 0);
    const kept = this.#buckets.filter(({ length }) => length > 0);
    this.#buckets.splice(0, Infinity, ...kept);
    this.#empty = 0;
  }

  /** Where a length is, or belongs. */
  #placeOfLength(length: number): number {
    return countBelow(this.#lengths, length, (each) => each);
  }
}

function placeOf(bucket: readonly Ranked[], { id }: Ranked): number {
  return countBelow(bucket, id, (other) => other.id);
}

/** How many at the beginning rank below; those that do are all before those that do not. */
function countBelow<T>(items: readonly T[], rank: number, rankOf: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rankOf(items[middle] as T) < rank) low = middle + 1;
    else high = middle;
  }
  return low;
}
