/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What one simulated node takes for time: a view of the common clock that can stall, as a blocked
// event loop does, and jump, as after a machine's sleep. It keeps the order of Node's event loop:
// timers, then what the sockets have, then what was asked for after the turn.

import type { Clock, Timer } from '../core/ports.js';
import { ClockEntry, type VirtualClock } from './virtual-clock.js';

/** One timer of a node, in the list of all that are set. */
class NodeTimer extends ClockEntry implements Timer {
  /** In this node's time; infinite for what waits for the turn's end. */
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
  /** The ends of the list of timers that are set, oldest first. */
  #first: NodeTimer | undefined;
  #last: NodeTimer | undefined;
  #pending = 0;
  #held: NodeTimer[] = [];
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

  /** Timers that are set, those for the end of the turn included. */
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
    const held = this.#held.filter(({ isSet }) => isSet);
    this.#held = [];
    const timers = held.filter(({ dueAt }) => dueAt < Infinity);
    for (const timer of timers.sort(byDueTime)) this.#base.arm(timer, 0);
    readSockets();
    for (const timer of held) if (timer.dueAt === Infinity) this.#base.arm(timer, 0);
  }

  /** Goes forward by so many milliseconds; what is due by then fires now, late. */
  jump(ms: number): void {
    this.#offsetMs += ms;
    const now = this.now();
    const held = new Set(this.#held);
    const timers = this.#all().filter((timer) => !held.has(timer) && timer.dueAt < Infinity);
    for (const timer of timers.sort(byDueTime)) {
      this.#base.disarm(timer);
      this.#base.arm(timer, timer.dueAt - now);
    }
  }

  /** Nothing fires any more, for good: the process is gone. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#all()) timer.cancel();
    this.#held = [];
  }

  /** @internal A timer's time has come. */
  fire(timer: NodeTimer): void {
    if (this.#isFrozen) {
      this.#held.push(timer);
      return;
    }
    this.#unset(timer);
    timer.callback();
  }

  /** @internal A timer is not wanted any more. */
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
