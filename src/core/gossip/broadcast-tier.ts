/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Broadcasts with an equal number of transmissions, in the order in which they are taken: the longest that still
// fits, then the newest. There is one bucket per length, so that queueing updates about a whole cluster, as in a
// join, has a constant cost per update.

/** The properties that determine the order in a tier. */
export interface Ranked {
  /** Bytes. */
  readonly length: number;
  /** Newer broadcasts have higher ids. */
  readonly id: number;
  /** Whether the entry was removed for good; maintained by the tier. */
  isRemoved: boolean;
}

/** Broadcasts of one length. */
interface Bucket<T> {
  readonly length: number;
  /** The newest last; the last one is never a removed one. */
  entries: T[];
  /** Number of entries that are not removed. */
  live: number;
  /** Maximum number of entries since the array was created. */
  peak: number;
}

/** Up to this many empty buckets are kept; their lengths are usually needed again at once. */
const emptyBuckets = 32;
/**
 * An array that had more entries than this is dropped when it is empty: engines keep half of its capacity allocated.
 */
const smallList = 64;
/** Up to this many removed entries of one length are kept, and at least as many as there are live ones. */
const removedEntries = 32;

/** The broadcasts with one number of transmissions. */
export class BroadcastTier<T extends Ranked> {
  /** One for each length that is or was present, in ascending order. */
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
   * Removes an entry for good; it must be present. It stays in its array, marked as removed: when updates about a
   * whole cluster are replaced, moving the entries behind each one would dominate the cost.
   */
  remove(entry: T): void {
    const bucket = this.#buckets[this.#placeOfLength(entry.length)] as Bucket<T>;
    entry.isRemoved = true;
    this.#noteRemoved(bucket, 1);
    const { entries, live } = bucket;
    dropRemovedAtEnd(entries);
    if (entries.length - live > Math.max(live, removedEntries))
      bucket.entries = entries.filter(isPresent);
  }

  /** Takes out the newest of the longest entries with at most this many bytes. */
  takeLongest(max: number): T | undefined {
    if (this.#size === 0) return undefined;
    for (let place = this.#buckets.length - 1; place >= 0; place--) {
      const bucket = this.#buckets[place] as Bucket<T>;
      if (bucket.length > max || bucket.live === 0) continue;
      const entry = bucket.entries.pop() as T;
      dropRemovedAtEnd(bucket.entries);
      this.#noteRemoved(bucket, 1);
      return entry;
    }
    return undefined;
  }

  /** Takes out at most this many entries, in reverse order: the oldest of the shortest first. */
  takeLast(max: number): T[] {
    const taken: T[] = [];
    for (const bucket of [...this.#buckets]) {
      if (taken.length === max) break;
      if (bucket.live === 0) continue;
      const live = bucket.entries.filter(isPresent);
      const cut = live.splice(0, max - taken.length);
      bucket.entries = live;
      for (const entry of cut) taken.push(entry);
      this.#noteRemoved(bucket, cut.length);
    }
    return taken;
  }

  /** Takes out at most this many entries, the oldest first, regardless of length. */
  takeOldest(max: number): T[] {
    const newestTaken = this.#idOfOldest(max);
    const taken: T[] = [];
    for (const bucket of [...this.#buckets]) {
      if (bucket.live === 0) continue;
      const cut = countBelow(bucket.entries, newestTaken + 1, ({ id }) => id);
      if (cut === 0) continue;
      const gone = bucket.entries.slice(0, cut).filter(isPresent);
      bucket.entries = bucket.entries.slice(cut);
      for (const entry of gone) taken.push(entry);
      this.#noteRemoved(bucket, gone.length);
    }
    return taken;
  }

  /** The id of the n-th oldest entry, or of the newest if there are fewer. */
  #idOfOldest(max: number): number {
    const ids: number[] = [];
    for (const { entries, live } of this.#buckets) {
      if (live === 0) continue;
      let left = max;
      for (const { id, isRemoved } of entries) {
        if (isRemoved) continue;
        if (left-- === 0) break;
        ids.push(id);
      }
    }
    // This sort is several times as fast without a comparison function.
    const inOrder = Float64Array.from(ids).sort();
    return inOrder[Math.min(max, inOrder.length) - 1] ?? 0;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const { entries } of this.#buckets) yield* entries.filter(isPresent);
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

  #noteRemoved(bucket: Bucket<T>, count: number): void {
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

  /** The index of a length, or where it is to be inserted. */
  #placeOfLength(length: number): number {
    return countBelow(this.#buckets, length, (bucket) => bucket.length);
  }
}

function isPresent({ isRemoved }: Ranked): boolean {
  return !isRemoved;
}

function dropRemovedAtEnd(entries: Ranked[]): void {
  while (entries[entries.length - 1]?.isRemoved === true) entries.pop();
}

function placeOf(bucket: readonly Ranked[], { id }: Ranked): number {
  return countBelow(bucket, id, (other) => other.id);
}

/** How many items at the beginning rank below `rank`; the items must be sorted by rank. */
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
