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

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  /** Its place in the heap; -1 once it ran or was cancelled. */
  index: number;
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
  readonly #heap: Entry[] = [];
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
    return this.#heap.length;
  }

  /** When the next callback is due; undefined when none is. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  /** A delay that is negative or NaN counts as 0. */
  setTimer(delayMs: number, callback: () => void): Timer {
    const at = this.#now + (delayMs > 0 ? delayMs : 0);
    const entry: Entry = { at, order: this.#order++, callback, index: this.#heap.length };
    this.#heap.push(entry);
    this.#siftUp(entry);
    return { cancel: () => this.#remove(entry) };
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
    for (let next = this.#heap[0]; next && next.at <= time; next = this.#heap[0]) this.#run(next);
    this.#now = time;
  }

  /**
   * Goes on to the next callback and runs that one.
   *
   * @returns false, with nothing done, when none waits (or only for an infinite time).
   */
  runNext(): boolean {
    const next = this.#heap[0];
    if (!next || next.at === Infinity) return false;
    this.#run(next);
    return true;
  }

  #run(entry: Entry): void {
    if (this.#running) throw new Error('a callback of the clock cannot advance the clock');
    this.#remove(entry);
    this.#now = entry.at;
    this.#running = true;
    try {
      entry.callback();
    } finally {
      this.#running = false;
    }
  }

  #remove(entry: Entry): void {
    if (entry.index < 0) return;
    const last = this.#heap.pop();
    if (last && last !== entry) {
      last.index = entry.index;
      this.#heap[last.index] = last;
      this.#siftUp(last);
      this.#siftDown(last);
    }
    entry.index = -1;
  }

  #siftUp(entry: Entry): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1];
      if (!parent || !isBefore(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #siftDown(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      const child = left && right && isBefore(right, left) ? right : left;
      if (!child || !isBefore(child, entry)) return;
      this.#swap(child, entry);
    }
  }

  #swap(a: Entry, b: Entry): void {
    [a.index, b.index] = [b.index, a.index];
    this.#heap[a.index] = a;
    this.#heap[b.index] = b;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
