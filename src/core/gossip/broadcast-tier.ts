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
  /** Whether it was removed for good; the tier's own. */
  isRemoved: boolean;
}

/** Broadcasts of one length. */
interface Bucket<T> {
  readonly length: number;
  /** The newest last, which is never a removed one. */
  entries: T[];
  /** How many of them are not removed. */
  live: number;
  /** How many there were at most since the list was new. */
  peak: number;
}

/** So many lengths without a broadcast are put up with; they mostly come again at once. */
const emptyBuckets = 32;
/** A list that had more entries than this is let go of when it is empty: engines keep room for half of what was in it. */
const smallList = 64;
/** So many removed broadcasts of one length are put up with, and as many as there are others. */
const removedEntries = 32;

/** The broadcasts of one number of transmissions. */
export class BroadcastTier<T extends Ranked> {
  /** One for each length that there is or was, rising. */
  #buckets: Bucket<T>[] = [];
  #empty = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: T): void {
    const bucket = this.#bucketFor(entry.length);
    const { entries } = bucket;
    if (bucket.live === 0) this.#empty--;
    const last = entries[entries.length - 1];
    if (last === undefined || last.id < entry.id) entries.push(entry);
    else entries.splice(placeOf(entries, entry), 0, entry);
    bucket.live++;
    bucket.peak = Math.max(bucket.peak, entries.length);
    this.#size++;
  }

  /**
   * Takes the entry out for good; it must be in. It stays where it is for a while, as a mark: where a whole
   * cluster's news is replaced, moving the others up each time would cost more than all the rest.
   */
  remove(entry: T): void {
    const bucket = this.#buckets[this.#placeOfLength(entry.length)] as Bucket<T>;
    entry.isRemoved = true;
    this.#took(bucket, 1);
    const { entries, live } = bucket;
    dropRemovedAtEnd(entries);
    if (entries.length - live > Math.max(live, removedEntries))
      bucket.entries = entries.filter(isIn);
  }

  /** Takes out the newest of the longest that are not longer than this. */
  takeLongest(most: number): T | undefined {
    if (this.#size === 0) return undefined;
    for (let place = this.#buckets.length - 1; place >= 0; place--) {
      const bucket = this.#buckets[place] as Bucket<T>;
      if (bucket.length > most || bucket.live === 0) continue;
      const entry = bucket.entries.pop() as T;
      dropRemovedAtEnd(bucket.entries);
      this.#took(bucket, 1);
      return entry;
    }
    return undefined;
  }

  /** Takes out at most so many, those first that would be taken last: the oldest of the shortest. */
  takeLast(most: number): T[] {
    const taken: T[] = [];
    for (const bucket of [...this.#buckets]) {
      if (taken.length === most) break;
      if (bucket.live === 0) continue;
      const live = bucket.entries.filter(isIn);
      const cut = live.splice(0, most - taken.length);
      bucket.entries = live;
      for (const entry of cut) taken.push(entry);
      this.#took(bucket, cut.length);
    }
    return taken;
  }

  /** Takes out at most so many, the oldest of whatever length first. */
  takeOldest(most: number): T[] {
    const newestTaken = this.#idOfOldest(most);
    const taken: T[] = [];
    for (const bucket of [...this.#buckets]) {
      if (bucket.live === 0) continue;
      const cut = countBelow(bucket.entries, newestTaken + 1, ({ id }) => id);
      if (cut === 0) continue;
      const gone = bucket.entries.slice(0, cut).filter(isIn);
      bucket.entries = bucket.entries.slice(cut);
      for (const entry of gone) taken.push(entry);
      this.#took(bucket, gone.length);
    }
    return taken;
  }

  /** The id up to which so many entries are, or all if there are fewer. */
  #idOfOldest(most: number): number {
    const ids: number[] = [];
    for (const { entries, live } of this.#buckets) {
      if (live === 0) continue;
      let left = most;
      for (const { id, isRemoved } of entries) {
        if (isRemoved) continue;
        if (left-- === 0) break;
        ids.push(id);
      }
    }
    // Without a comparison of its own this sort is several times as fast.
    const inOrder = Float64Array.from(ids).sort();
    return inOrder[Math.min(most, inOrder.length) - 1] ?? 0;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const { entries } of this.#buckets) yield* entries.filter(isIn);
  }

  #bucketFor(length: number): Bucket<T> {
    const place = this.#placeOfLength(length);
    const found = this.#buckets[place];
    if (found?.length === length) return found;
    const bucket = { length, entries: [], live: 0, peak: 0 };
    this.#buckets.splice(place, 0, bucket);
    this.#empty++;
    return bucket;
  }

  #took(bucket: Bucket<T>, count: number): void {
    this.#size -= count;
    bucket.live -= count;
    if (bucket.live > 0) return;
    if (bucket.peak > smallList) {
      bucket.entries = [];
      bucket.peak = 0;
    }
    this.#empty++;
    if (this.#empty <= emptyBuckets || 2 * this.#empty <= this.#buckets.length) return;
    this.#buckets = this.#buckets.filter(({ live }) => live > 0);
    this.#empty = 0;
  }

  /** Where a length is, or belongs. */
  #placeOfLength(length: number): number {
    return countBelow(this.#buckets, length, (bucket) => bucket.length);
  }
}

function isIn({ isRemoved }: Ranked): boolean {
  return !isRemoved;
}

function dropRemovedAtEnd(entries: Ranked[]): void {
  while (entries[entries.length - 1]?.isRemoved === true) entries.pop();
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
