/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Makes virtual time go by. Between two callbacks of the clock everything that awaits a promise gets
// its turn, to the end, as between two callbacks of Node's event loop: the queue of ticks is looked at
// once the queue of microtasks is empty. Code that waits for the real world (files, sockets, real
// timers) is not waited for.

// Its own, so that a test may replace the global one.
import { setImmediate } from 'node:timers';
import { TimeoutError } from '../errors.js';
import type { VirtualClock } from './virtual-clock.js';

/** After so many callbacks the real event loop turns once, so that the process stays responsive. */
const callbacksPerTurn = 512;

const settled = Promise.resolve();

// Taken when this module is loaded: Jest's fake timers replace `process.nextTick` later.
const nextTick = process.nextTick.bind(process);

interface Goal {
  readonly limit: number;
  /** Looked at whenever time is about to go on. */
  readonly isReached: (() => boolean) | undefined;
  readonly end: (failure?: Error) => void;
  /** What it is that was not reached by the limit; undefined when the limit is the goal. */
  readonly what: string | undefined;
  readonly startedAt: number;
}

/** Advances a virtual clock for those who wait for something. */
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

  /** Runs for so many milliseconds. @throws RangeError when `ms` is negative or no number. */
  async run(ms: number): Promise<void> {
    await this.#pursue({ ms, isReached: undefined, what: undefined });
  }

  /**
   * Runs until `isReached` says so, at the latest for so many milliseconds.
   *
   * @throws TimeoutError, named after `what`; what `isReached` throws.
   */
  async until(isReached: () => boolean, ms: number, what: string): Promise<void> {
    await this.#pursue({ ms, isReached, what });
  }

  /**
   * Runs until a promise is settled, and gives what it gives.
   *
   * @throws Error, named after `what`, when nothing is left that could settle it.
   */
  async during<T>(promise: Promise<T>, what: string): Promise<T> {
    let isDone = false;
    const done = (): void => void (isDone = true);
    promise.then(done, done);
    await this.#pursue({ ms: Infinity, isReached: () => isDone, what });
    return promise;
  }

  /** Time stands still until a promise is settled. */
  async hold<T>(promise: Promise<T>): Promise<T> {
    this.#holds++;
    try {
      return await promise;
    } finally {
      this.#holds--;
      this.#start();
    }
  }

  /** Lets everything have its turn that awaits a promise; no time passes. */
  settle(): Promise<void> {
    return new Promise((resolve) => {
      void settled.then(() => nextTick(resolve));
    });
  }

  /** Whoever waits, or comes next, is told of this. */
  fail(failure: Error): void {
    this.#failure ??= failure;
  }

  /** @throws what `fail` was called with, if nobody was told of it yet */
  throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
  }

  #pursue({ ms, isReached, what }: PursueInit): Promise<void> {
    if (typeof ms !== 'number' || !(ms >= 0))
      throw new RangeError(`virtual time goes on by 0 ms or more, not ${ms}`);
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
    this.#goOn();
  }

  /** Takes the next step once all microtasks ran, those included that they bring about. */
  #goOn(): void {
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
    // Those that waited go on before anything else happens.
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
      else this.#end(goal, new Error(`${what} waits, but nothing is left that could happen`));
    }
  }

  #endAll(failure: Error): void {
    for (const goal of this.#goals) this.#end(goal, failure);
  }

  #end(goal: Goal, failure?: Error): void {
    this.#setGoals(this.#goals.filter((other) => other !== goal));
    goal.end(failure);
  }

  /** Never changes the list that there is, as somebody may be walking it. */
  #setGoals(goals: Goal[]): void {
    this.#goals = goals;
    this.#limit = goals.reduce((least, { limit }) => Math.min(least, limit), Infinity);
  }
}

interface PursueInit {
  readonly ms: number;
  readonly isReached: (() => boolean) | undefined;
  readonly what: string | undefined;
}
