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

/** The broadcasts of one number of transmissions. */
export class BroadcastTier<T extends Ranked> {
  /** The lengths that there are, rising. */
  readonly #lengths: number[] = [];
  /** Of each length, the newest last. */
  readonly #buckets = new Map<number, T[]>();

  add(entry: T): void {
    const bucket = this.#buckets.get(entry.length);
    if (bucket === undefined) {
      this.#buckets.set(entry.length, [entry]);
      this.#lengths.splice(
        countWhere(this.#lengths, (length) => length < entry.length),
        0,
        entry.length,
      );
    } else if ((bucket.at(-1) as T).id < entry.id) bucket.push(entry);
    else bucket.splice(placeOf(bucket, entry), 0, entry);
  }

  /** Takes the entry out; it must be in. */
  remove(entry: T): void {
    const bucket = this.#buckets.get(entry.length) as T[];
    bucket.splice(placeOf(bucket, entry), 1);
    if (bucket.length === 0) this.#forget(entry.length);
  }

  /** Takes out the newest of the longest that are not longer than this. */
  takeLongest(most: number): T | undefined {
    const length = this.#lengths[countWhere(this.#lengths, (each) => each <= most) - 1];
    return length === undefined ? undefined : this.#pop(length);
  }

  /** Takes out at most so many, those first that would be taken last: the oldest of the shortest. */
  takeLast(most: number): T[] {
    const taken: T[] = [];
    for (const length of [...this.#lengths]) {
      const bucket = this.#buckets.get(length) as T[];
      for (const entry of bucket.splice(0, most - taken.length)) taken.push(entry);
      if (bucket.length > 0) break;
      this.#forget(length);
    }
    return taken;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const bucket of this.#buckets.values()) yield* bucket;
  }

  #pop(length: number): T | undefined {
    const bucket = this.#buckets.get(length) as T[];
    const entry = bucket.pop();
    if (bucket.length === 0) this.#forget(length);
    return entry;
  }

  #forget(length: number): void {
    this.#buckets.delete(length);
    this.#lengths.splice(
      countWhere(this.#lengths, (each) => each < length),
      1,
    );
  }
}

function placeOf(bucket: readonly Ranked[], { id }: Ranked): number {
  return countWhere(bucket, (other) => other.id < id);
}

// How many at the beginning hold; those that do are all before those that do not.
function countWhere<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
