/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock, Timer } from '../core/ports.js';

/** The options of a {@link VirtualClock}. */
export interface VirtualClockOptions {
  /** Its start time in milliseconds; default: 0. */
  readonly now?: number | undefined;
}

/** @internal A callback with its time and its position in the heap. */
export abstract class ClockEntry {
  at = 0;
  order = 0;
  /** Its position in the heap; -1 if it is in none. */
  index = -1;

  /** Called when it is due. */
  abstract run(): void;
}

/** One timer. */
class Entry extends ClockEntry implements Timer {
  readonly #heap: Heap;
  readonly #callback: () => void;

  constructor(heap: Heap, callback: () => void) {
    super();
    this.#heap = heap;
    this.#callback = callback;
  }

  run(): void {
    this.#callback();
  }

  cancel(): void {
    this.#heap.remove(this);
  }
}

/** A binary heap, earliest first. */
class Heap {
  readonly entries: ClockEntry[] = [];

  add(entry: ClockEntry): void {
    this.entries.push(entry);
    this.#rise(entry, this.entries.length - 1);
  }

  remove(entry: ClockEntry): void {
    const place = entry.index;
    if (place < 0) return;
    entry.index = -1;
    const last = this.entries.pop();
    if (last === undefined || last === entry) return;
    this.#sink(last, place);
    if (last.index === place) this.#rise(last, place);
  }

  clear(): void {
    for (const entry of this.entries.splice(0)) entry.index = -1;
  }

  /** Moves an entry up from a free position to its place. */
  #rise(entry: ClockEntry, from: number): void {
    const { entries } = this;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = entries[above] as ClockEntry;
      if (!isBefore(entry, parent)) break;
      entries[place] = parent;
      parent.index = place;
      place = above;
    }
    entries[place] = entry;
    entry.index = place;
  }

  /** Moves an entry down from a free position to its place. */
  #sink(entry: ClockEntry, from: number): void {
    const { entries } = this;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      const [left, right] = [entries[below], entries[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below++;
      const child = entries[below] as ClockEntry;
      if (!isBefore(child, entry)) break;
      entries[place] = child;
      child.index = place;
      place = below;
    }
    entries[place] = entry;
    entry.index = place;
  }
}

/**
 * A clock that stands still until it is advanced. Callbacks run synchronously inside `advance`, `advanceTo` and
 * `runNext`, in the order of their times; callbacks with the same time in the order in which they were set.
 *
 * Promises do not settle while it advances: code that awaits between two timers needs `runNext`, with a turn of
 * the event loop after each call.
 */
export class VirtualClock implements Clock {
  readonly #heap = new Heap();
  #now: number;
  #order = 0;
  #running = false;

  constructor({ now = 0 }: VirtualClockOptions = {}) {
    this.#now = now;
  }

  /** Virtual milliseconds. */
  now(): number {
    return this.#now;
  }

  /** The number of waiting callbacks. */
  get pending(): number {
    return this.#heap.entries.length;
  }

  /** When the next callback is due; undefined if there is none. */
  get nextAt(): number | undefined {
    return this.#heap.entries[0]?.at;
  }

  /** A negative or NaN delay counts as 0. */
  setTimer(delayMs: number, callback: () => void): Timer {
    const entry = new Entry(this.#heap, callback);
    this.arm(entry, delayMs);
    return entry;
  }

  /** @internal Schedules an entry, which must not be scheduled already. */
  arm(entry: ClockEntry, delayMs: number): void {
    entry.at = this.#now + (delayMs > 0 ? delayMs : 0);
    entry.order = this.#order++;
    this.#heap.add(entry);
  }

  /** @internal Cancels an entry, if it is scheduled. */
  disarm(entry: ClockEntry): void {
    this.#heap.remove(entry);
  }

  /** Calls back at the same virtual time, after everything that is due now. */
  afterTurn(callback: () => void): Timer {
    return this.setTimer(0, callback);
  }

  /**
   * Advances by `ms` milliseconds and runs everything that becomes due.
   *
   * @throws RangeError if `ms` is negative or NaN; errors of callbacks, with the clock at the time of the failed
   * callback and all others still waiting
   */
  advance(ms: number): void {
    this.advanceTo(this.#now + ms);
  }

  /**
   * Advances to `time` and runs everything that is due up to and including it.
   *
   * @throws RangeError if `time` is in the past or NaN; errors of callbacks, like `advance`
   */
  advanceTo(time: number): void {
    if (!(time >= this.#now)) {
      throw new RangeError(`the clock is at ${this.#now} and cannot advance to ${time}`);
    }
    for (let next = this.#heap.entries[0]; next && next.at <= time; next = this.#heap.entries[0])
      this.#run(next);
    this.#now = time;
  }

  /**
   * Advances to the next callback and runs it.
   *
   * @returns false, without any effect, if none waits (or only for an infinite time)
   */
  runNext(): boolean {
    const next = this.#heap.entries[0];
    if (!next || next.at === Infinity) return false;
    this.#run(next);
    return true;
  }

  /** Discards all waiting callbacks. */
  clear(): void {
    this.#heap.clear();
  }

  #run(entry: ClockEntry): void {
    if (this.#running) throw new Error('a callback of the clock cannot advance the clock');
    this.#heap.remove(entry);
    this.#now = entry.at;
    this.#running = true;
    try {
      entry.run();
    } finally {
      this.#running = false;
    }
  }
}

function isBefore(a: ClockEntry, b: ClockEntry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
