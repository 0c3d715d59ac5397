/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Advances virtual time. Between two callbacks of the clock all code that awaits a promise runs to the end, as
// between two callbacks of Node's event loop: the tick queue is processed once the microtask queue is empty.
// The driver does not wait for code that waits for the real world (files, sockets, real timers).

// Imported, so that a test may replace the global one.
import { setImmediate } from 'node:timers';
import { TimeoutError } from '../errors.js';
import type { VirtualClock } from './virtual-clock.js';

/** After this many callbacks the real event loop turns once, so that the process stays responsive. */
const callbacksPerTurn = 512;

const settled = Promise.resolve();

// Bound when this module is loaded: Jest's fake timers replace `process.nextTick` later.
const nextTick = process.nextTick.bind(process);

interface Goal {
  readonly limit: number;
  /** Evaluated whenever time is about to advance. */
  readonly isReached: (() => boolean) | undefined;
  readonly end: (failure?: Error) => void;
  /** What was not reached by the limit; undefined if the limit is the goal. */
  readonly what: string | undefined;
  readonly startedAt: number;
}

/** Advances a virtual clock while callers wait for something. */
export class Driver {
  readonly #clock: VirtualClock;
  #goals: Goal[] = [];
  /** The earliest of the goals' limits. */
  #limit = Infinity;
  #isRunning = false;
  #holds = 0;
  #callbacks = 0;
  #failure: Error | undefined;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Runs for `ms` milliseconds. @throws RangeError if `ms` is negative or not a number */
  async run(ms: number): Promise<void> {
    await this.#pursue({ ms, isReached: undefined, what: undefined });
  }

  /**
   * Runs until `isReached` returns true, at most for `ms` milliseconds.
   *
   * @throws TimeoutError, named after `what`; errors of `isReached`
   */
  async until(isReached: () => boolean, ms: number, what: string): Promise<void> {
    await this.#pursue({ ms, isReached, what });
  }

  /**
   * Runs until a promise settles, and returns its result.
   *
   * @throws Error, named after `what`, if no event is left that could settle it
   */
  async during<T>(promise: Promise<T>, what: string): Promise<T> {
    let isDone = false;
    const done = (): void => void (isDone = true);
    promise.then(done, done);
    await this.#pursue({ ms: Infinity, isReached: () => isDone, what });
    return promise;
  }

  /** Stops time until a promise settles. */
  async hold<T>(promise: Promise<T>): Promise<T> {
    this.#holds++;
    try {
      return await promise;
    } finally {
      this.#holds--;
      this.#start();
    }
  }

  /** Lets all code that awaits a settled promise run; no time passes. */
  settle(): Promise<void> {
    return new Promise((resolve) => {
      void settled.then(() => nextTick(resolve));
    });
  }

  /** Rejects the current waiters, or else the next one, with this error. */
  fail(failure: Error): void {
    this.#failure ??= failure;
  }

  /** @throws the error that `fail` was called with, unless it was already reported */
  throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
  }

  #pursue({ ms, isReached, what }: PursueInit): Promise<void> {
    if (typeof ms !== 'number' || !(ms >= 0))
      throw new RangeError(`virtual time advances by 0 ms or more, not ${ms}`);
    const startedAt = this.#clock.now();
    return new Promise((resolve, reject) => {
      const end = (failure?: Error): void => (failure ? reject(failure) : resolve());
      const goal = { limit: startedAt + ms, isReached, end, what, startedAt };
      this.#setGoals([...this.#goals, goal]);
      this.#start();
    });
  }

  #start(): void {
    if (this.#isRunning || this.#goals.length === 0) return;
    this.#isRunning = true;
    this.#scheduleStep();
  }

  /** Takes the next step when all microtasks have run, including those that they create. */
  #scheduleStep(): void {
    void settled.then(this.#afterMicrotasks);
  }

  readonly #afterMicrotasks = (): void => {
    if (++this.#callbacks % callbacksPerTurn === 0) setImmediate(this.#step);
    else nextTick(this.#step);
  };

  readonly #step = (): void => {
    this.#isRunning = false;
    if (this.#holds > 0) return;
    try {
      this.throwFailure();
      this.#advance();
    } catch (error) {
      this.#endAll(error as Error);
    }
    this.#start();
  };

  #advance(): void {
    const next = this.#clock.nextAt ?? Infinity;
    const now = this.#clock.now();
    // Waiters continue before anything else happens.
    if (next > now && this.#endReached()) return;
    const limit = this.#limit;
    if (limit < next || next === Infinity) {
      if (limit < Infinity) this.#clock.advanceTo(limit);
      this.#endAt(limit);
      return;
    }
    this.#clock.runNext();
  }

  #endReached(): boolean {
    let hasEnded = false;
    for (const goal of this.#goals) {
      if (goal.isReached?.() !== true) continue;
      this.#end(goal);
      hasEnded = true;
    }
    return hasEnded;
  }

  #endAt(limit: number): void {
    for (const goal of this.#goals.filter((each) => each.limit === limit)) {
      const { what, startedAt } = goal;
      if (what === undefined) this.#end(goal);
      else if (limit < Infinity) this.#end(goal, new TimeoutError(what, limit - startedAt));
      else this.#end(goal, new Error(`${what} waits, but no event is left that could end it`));
    }
  }

  #endAll(failure: Error): void {
    for (const goal of this.#goals) this.#end(goal, failure);
  }

  #end(goal: Goal, failure?: Error): void {
    this.#setGoals(this.#goals.filter((other) => other !== goal));
    goal.end(failure);
  }

  /** Never modifies the existing list, because a caller may be iterating over it. */
  #setGoals(goals: Goal[]): void {
    this.#goals = goals;
    this.#limit = goals.reduce((min, { limit }) => Math.min(min, limit), Infinity);
  }
}

interface PursueInit {
  readonly ms: number;
  readonly isReached: (() => boolean) | undefined;
  readonly what: string | undefined;
}
