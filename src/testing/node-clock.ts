/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The clock of one simulated node: a view of the common clock that can stall, like a blocked event loop, and
// jump, like the clock after a machine's sleep. It keeps the order of Node's event loop: timers, then socket
// data, then callbacks for the end of the turn.

import type { Clock, Timer } from '../core/ports.js';
import { ClockEntry, type VirtualClock } from './virtual-clock.js';

/** One timer of a node, in the linked list of active timers. */
class NodeTimer extends ClockEntry implements Timer {
  /** In this node's time; infinite for a callback for the end of the turn. */
  readonly dueAt: number;
  readonly callback: () => void;
  readonly #clock: NodeClock;
  isSet = false;
  before: NodeTimer | undefined;
  after: NodeTimer | undefined;

  constructor(clock: NodeClock, dueAt: number, callback: () => void) {
    super();
    this.#clock = clock;
    this.dueAt = dueAt;
    this.callback = callback;
  }

  run(): void {
    this.#clock.fire(this);
  }

  cancel(): void {
    this.#clock.cancel(this);
  }
}

/** The clock of one node. */
export class NodeClock implements Clock {
  readonly #base: VirtualClock;
  readonly #turnMs: number;
  /** The ends of the list of active timers, oldest first. */
  #first: NodeTimer | undefined;
  #last: NodeTimer | undefined;
  #pending = 0;
  #overdue: NodeTimer[] = [];
  #offsetMs = 0;
  #isFrozen = false;
  #isStopped = false;

  /** @param init.turnMs - how long a turn of the event loop takes */
  constructor(base: VirtualClock, init: { turnMs?: number | undefined } = {}) {
    this.#base = base;
    this.#turnMs = init.turnMs ?? 0;
  }

  now(): number {
    return this.#base.now() + this.#offsetMs;
  }

  /** Active timers, including callbacks for the end of the turn. */
  get pending(): number {
    return this.#pending;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const delay = delayMs > 0 ? delayMs : 0;
    return this.#add(delay, this.now() + delay, callback);
  }

  afterTurn(callback: () => void): Timer {
    return this.#add(this.#turnMs, Infinity, callback);
  }

  /** Stops all timers from firing until `thaw`. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /**
   * Ends a stall: all timers that are due fire, late, in the order of their times; then the events that
   * `readSockets` puts on the common clock; then callbacks for the end of the turn.
   */
  thaw(readSockets: () => void): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    const overdue = this.#overdue.filter(({ isSet }) => isSet);
    this.#overdue = [];
    const timers = overdue.filter(({ dueAt }) => dueAt < Infinity);
    for (const timer of timers.sort(byDueTime)) this.#base.arm(timer, 0);
    readSockets();
    for (const timer of overdue) if (timer.dueAt === Infinity) this.#base.arm(timer, 0);
  }

  /** Moves the clock forward by `ms` milliseconds; timers that are then due fire now, late. */
  jump(ms: number): void {
    this.#offsetMs += ms;
    const now = this.now();
    const overdue = new Set(this.#overdue);
    const timers = this.#all().filter((timer) => !overdue.has(timer) && timer.dueAt < Infinity);
    for (const timer of timers.sort(byDueTime)) {
      this.#base.disarm(timer);
      this.#base.arm(timer, timer.dueAt - now);
    }
  }

  /** Stops all timers permanently: the process has ended. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#all()) timer.cancel();
    this.#overdue = [];
  }

  /** @internal A timer is due. */
  fire(timer: NodeTimer): void {
    if (this.#isFrozen) {
      this.#overdue.push(timer);
      return;
    }
    this.#unset(timer);
    timer.callback();
  }

  /** @internal Cancels a timer. */
  cancel(timer: NodeTimer): void {
    this.#base.disarm(timer);
    this.#unset(timer);
  }

  #add(delayMs: number, dueAt: number, callback: () => void): Timer {
    const timer = new NodeTimer(this, dueAt, callback);
    if (this.#isStopped) return timer;
    timer.isSet = true;
    timer.before = this.#last;
    if (this.#last === undefined) this.#first = timer;
    else this.#last.after = timer;
    this.#last = timer;
    this.#pending++;
    this.#base.arm(timer, delayMs);
    return timer;
  }

  #unset(timer: NodeTimer): void {
    if (!timer.isSet) return;
    timer.isSet = false;
    const { before, after } = timer;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    timer.before = undefined;
    timer.after = undefined;
    this.#pending--;
  }

  #all(): NodeTimer[] {
    const timers: NodeTimer[] = [];
    for (let timer = this.#first; timer; timer = timer.after) timers.push(timer);
    return timers;
  }
}

function byDueTime(a: NodeTimer, b: NodeTimer): number {
  return a.dueAt - b.dueAt;
}
