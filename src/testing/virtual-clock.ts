/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock, Timer } from '../core/ports.js';

/** How a {@link VirtualClock} begins. */
export interface VirtualClockOptions {
  /** Its first time, in milliseconds; 0 by default. */
  readonly now?: number | undefined;
}

/** @internal Something that is to happen at a time: its place in time and in the heap. */
export abstract class ClockEntry {
  at = 0;
  order = 0;
  /** Its place in the heap; -1 while it is in none. */
  index = -1;

  /** Its time has come. */
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

/** A binary heap, the earliest first. */
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

  /** Puts an entry where it belongs, between a free place and the top. */
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

  /** Puts an entry where it belongs, between a free place and the bottom. */
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
 * A clock that stands still until it is told to go on. Callbacks run synchronously inside
 * `advance`, `advanceTo` and `runNext`, in the order of their times; those of one time in the order
 * in which they were asked for.
 *
 * Promises do not settle while it advances: code that awaits between two timers needs `runNext`
 * with a turn of the event loop after each.
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

  /** How many callbacks wait. */
  get pending(): number {
    return this.#heap.entries.length;
  }

  /** When the next callback is due; undefined when none is. */
  get nextAt(): number | undefined {
    return this.#heap.entries[0]?.at;
  }

  /** A delay that is negative or NaN counts as 0. */
  setTimer(delayMs: number, callback: () => void): Timer {
    const entry = new Entry(this.#heap, callback);
    this.arm(entry, delayMs);
    return entry;
  }

  /** @internal Lets something happen after a delay. It must not wait already. */
  arm(entry: ClockEntry, delayMs: number): void {
    entry.at = this.#now + (delayMs > 0 ? delayMs : 0);
    entry.order = this.#order++;
    this.#heap.add(entry);
  }

  /** @internal It will not happen; nothing is done when it does not wait. */
  disarm(entry: ClockEntry): void {
    this.#heap.remove(entry);
  }

  /** Calls back at the same virtual time, after everything that is due by now. */
  afterTurn(callback: () => void): Timer {
    return this.setTimer(0, callback);
  }

  /**
   * Goes on by `ms` milliseconds and runs what is due until then.
   *
   * @throws RangeError when `ms` is negative or NaN; what a callback throws, with the clock at that
   * callback's time and all others still waiting.
   */
  advance(ms: number): void {
    this.advanceTo(this.#now + ms);
  }

  /**
   * Goes on to `time` and runs what is due until then, that time included.
   *
   * @throws RangeError when `time` is past or NaN; what a callback throws, as `advance` does.
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
   * Goes on to the next callback and runs that one.
   *
   * @returns false, with nothing done, when none waits (or only for an infinite time).
   */
  runNext(): boolean {
    const next = this.#heap.entries[0];
    if (!next || next.at === Infinity) return false;
    this.#run(next);
    return true;
  }

  /** Forgets all callbacks that wait. */
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
