/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What one simulated node takes for time: a view of the common clock that can stall, as a blocked
// event loop does, and jump, as after a machine's sleep. It keeps the order of Node's event loop:
// timers, then what the sockets have, then what was asked for after the turn.

import type { Clock, Timer } from '../core/ports.js';
import type { VirtualClock } from './virtual-clock.js';

/** One timer of a node. */
class Entry implements Timer {
  /** In this node's time; infinite for what waits for the turn's end. */
  readonly dueAt: number;
  readonly callback: () => void;
  readonly #owner: Set<Entry>;
  /** On the common clock; undefined while it is held by a stall. */
  timer: Timer | undefined;

  constructor(owner: Set<Entry>, dueAt: number, callback: () => void) {
    this.#owner = owner;
    this.dueAt = dueAt;
    this.callback = callback;
  }

  cancel(): void {
    this.timer?.cancel();
    this.#owner.delete(this);
  }
}

/** The clock of one node. */
export class NodeClock implements Clock {
  readonly #base: VirtualClock;
  readonly #entries = new Set<Entry>();
  readonly #held: Entry[] = [];
  #offsetMs = 0;
  #isFrozen = false;
  #isStopped = false;

  constructor(base: VirtualClock) {
    this.#base = base;
  }

  now(): number {
    return this.#base.now() + this.#offsetMs;
  }

  /** Timers that are set, those for the end of the turn included. */
  get pending(): number {
    return this.#entries.size;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const delay = delayMs > 0 ? delayMs : 0;
    return this.#add(delay, this.now() + delay, callback);
  }

  afterTurn(callback: () => void): Timer {
    return this.#add(0, Infinity, callback);
  }

  /** Nothing fires from now on. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /**
   * Ends a stall: all timers that are due by now fire, late, in the order of their times; then comes
   * what `readSockets` puts on the common clock; then what waited for the end of the turn.
   */
  thaw(readSockets: () => void): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    const held = this.#held.splice(0).filter((entry) => this.#entries.has(entry));
    const timers = held.filter(({ dueAt }) => dueAt < Infinity);
    for (const entry of timers.sort(byDueTime)) this.#arm(entry, 0);
    readSockets();
    for (const entry of held) if (entry.dueAt === Infinity) this.#arm(entry, 0);
  }

  /** Goes forward by so many milliseconds; what is due by then fires now, late. */
  jump(ms: number): void {
    this.#offsetMs += ms;
    const now = this.now();
    const timers = [...this.#entries].filter(({ dueAt, timer }) => timer && dueAt < Infinity);
    for (const entry of timers.sort(byDueTime)) {
      entry.timer?.cancel();
      this.#arm(entry, entry.dueAt - now);
    }
  }

  /** Nothing fires any more, for good: the process is gone. */
  stop(): void {
    this.#isStopped = true;
    for (const entry of this.#entries) entry.timer?.cancel();
    this.#entries.clear();
    this.#held.length = 0;
  }

  #add(delayMs: number, dueAt: number, callback: () => void): Timer {
    const entry = new Entry(this.#entries, dueAt, callback);
    if (this.#isStopped) return entry;
    this.#entries.add(entry);
    this.#arm(entry, delayMs);
    return entry;
  }

  #arm(entry: Entry, delayMs: number): void {
    entry.timer = this.#base.setTimer(delayMs, () => {
      if (this.#isFrozen) {
        entry.timer = undefined;
        this.#held.push(entry);
        return;
      }
      this.#entries.delete(entry);
      entry.callback();
    });
  }
}

function byDueTime(a: Entry, b: Entry): number {
  return a.dueAt - b.dueAt;
}
