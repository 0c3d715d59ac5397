/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The messages of one publisher that a node retains, to repair what others miss. Limited by count, bytes and age, and by
// a total for all publishers.
import type { SeqRange } from './frames.js';
import type { BusRecord } from './records.js';

/** Bytes that a message takes in memory in addition to its body. */
const RECORD_OVERHEAD = 200;

/** Limits of the messages of one publisher. */
export interface RetentionLimits {
  readonly count: number;
  readonly bytes: number;
  readonly ageMs: number;
}

interface Entry {
  readonly record: BusRecord;
  readonly at: number;
}

/** Ascending sequence numbers; there may be holes, where messages were lost for good. */
export class Retained {
  readonly #limits: RetentionLimits;
  readonly #changed: (bytes: number) => void;
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;

  /** @param changed - called with the bytes that were added, or removed (negative) */
  constructor(limits: RetentionLimits, changed: (bytes: number) => void) {
    this.#limits = limits;
    this.#changed = changed;
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** The lowest retained number; undefined if nothing is retained. */
  get lowest(): number | undefined {
    return this.#entries[this.#head]?.record.seq;
  }

  /** When the oldest message was added. */
  get oldestAt(): number | undefined {
    return this.#entries[this.#head]?.at;
  }

  /** Adds a message with a higher number than all others. */
  add(record: BusRecord, now: number): void {
    this.#entries.push({ record, at: now });
    this.#count(bytesOf(record));
    this.#evict(now);
  }

  /** Removes messages that are too old. */
  expire(now: number): void {
    this.#evict(now);
  }

  /** Removes the oldest message. */
  dropOldest(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return;
    this.#entries[this.#head] = undefined as never;
    this.#head++;
    this.#count(-bytesOf(entry.record));
    if (this.#head >= 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#count(-this.#bytes);
    this.#entries = [];
    this.#head = 0;
  }

  /** The highest number that was added before `time`; `otherwise` if all retained messages are later. */
  highestBefore(time: number, otherwise: number): number {
    let [low, end] = [this.#head, this.#entries.length];
    while (low < end) {
      const middle = (low + end) >> 1;
      if ((this.#entries[middle] as Entry).at < time) low = middle + 1;
      else end = middle;
    }
    return low === this.#head ? otherwise : (this.#entries[low - 1] as Entry).record.seq;
  }

  /** Retained messages in these ranges, at most `maxBytes` of them (but at least one). */
  collect(ranges: readonly SeqRange[], maxBytes: number): BusRecord[] {
    const found: BusRecord[] = [];
    let bytes = 0;
    for (const { from, to } of ranges) {
      for (let i = this.#indexOf(from); i < this.#entries.length; i++) {
        const { record } = this.#entries[i] as Entry;
        if (record.seq > to) break;
        if (bytes + record.body.length > maxBytes && found.length > 0) return found;
        bytes += record.body.length;
        found.push(record);
      }
    }
    return found;
  }

  /** The first index whose number is not below `seq`. */
  #indexOf(seq: number): number {
    let [low, end] = [this.#head, this.#entries.length];
    while (low < end) {
      const middle = (low + end) >> 1;
      if ((this.#entries[middle] as Entry).record.seq < seq) low = middle + 1;
      else end = middle;
    }
    return low;
  }

  #evict(now: number): void {
    const { count, bytes, ageMs } = this.#limits;
    for (;;) {
      const at = this.oldestAt;
      if (at === undefined) return;
      const isExcessive = this.size > count || this.#bytes > bytes || now - at > ageMs;
      if (!isExcessive) return;
      this.dropOldest();
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#changed(bytes);
  }
}

/** Removes the oldest messages, in the order of their age, while the condition holds. */
export function dropOldest(all: readonly Retained[], isExcessive: () => boolean): void {
  const oldestAt = (retained: Retained): number => retained.oldestAt ?? Infinity;
  // The one with the oldest message is the last.
  const queue = all.filter(({ size }) => size > 0).sort((a, b) => oldestAt(b) - oldestAt(a));
  for (let first = queue.pop(); first !== undefined; first = queue.pop()) {
    const until = oldestAt(queue.at(-1) ?? first);
    do {
      if (!isExcessive()) return;
      first.dropOldest();
    } while (oldestAt(first) <= until);
    if (first.size === 0) continue;
    const at = oldestAt(first);
    let [low, end] = [0, queue.length];
    while (low < end) {
      const middle = (low + end) >> 1;
      if (oldestAt(queue[middle] as Retained) > at) low = middle + 1;
      else end = middle;
    }
    queue.splice(low, 0, first);
  }
}

function bytesOf({ body }: BusRecord): number {
  return RECORD_OVERHEAD + body.length;
}
