/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Periodic work with a random phase, so that nodes do not run in lockstep.
import type { Clock, Random, Timer } from './ports.js';

/** The work of a {@link Scheduler}. */
export interface SchedulerInit {
  /** Called before every tick; 0 at the start keeps the scheduler off. */
  readonly intervalMs: () => number;
  readonly tick: () => void;
  /** Whether there is nothing to do: the next tick then comes after {@link Scheduler.wake}. */
  readonly mayPause?: () => boolean;
}

/** A pause of up to this many intervals is replayed interval by interval; the rest is skipped in one step. */
const maxSteps = 10_000;

/** Runs periodic work, starting at a random moment within the first interval. */
export class Scheduler {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #intervalMs: () => number;
  readonly #tick: () => void;
  readonly #noteLateness: (lateMs: number) => void;
  readonly #mayPause: () => boolean;
  #timer: Timer | undefined;
  #isPaused = false;
  /** The last known interval. */
  #interval = 0;
  #dueAt = 0;

  /** @param init.noteLateness - called at every tick with its lateness in milliseconds */
  constructor(
    components: { clock: Clock; random: Random },
    init: SchedulerInit & { noteLateness?: (lateMs: number) => void },
  ) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#intervalMs = init.intervalMs;
    this.#tick = init.tick;
    this.#noteLateness = init.noteLateness ?? (() => undefined);
    this.#mayPause = init.mayPause ?? (() => false);
  }

  /** Starts. Does nothing if already started. */
  start(): void {
    const interval = this.#intervalMs();
    if (this.#timer !== undefined || this.#isPaused || interval <= 0) return;
    this.#interval = interval;
    this.#dueAt = this.#clock.now() + this.#random.next() * interval;
    this.#arm();
  }

  /** Stops. Does nothing if already stopped. Can be started again. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isPaused = false;
  }

  /** There is work again. The next tick comes when it would have come without the pause. */
  wake(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const now = this.#clock.now();
    const interval = this.#intervalMs();
    const steps = (now - this.#dueAt) / interval;
    if (steps > maxSteps) this.#dueAt += Math.floor(steps - maxSteps) * interval;
    // Repeated addition gives the same number, to the last bit, so a simulation has the same result.
    while (this.#dueAt < now) this.#dueAt += interval;
    this.#arm();
  }

  /** While running: the next tick comes a whole interval from now. */
  restartInterval(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#dueAt = this.#clock.now() + this.#intervalMs();
    this.#arm();
  }

  /** Milliseconds since the next tick was due; 0 if it is not due yet, or if the scheduler is not running. */
  get overdueMs(): number {
    return this.#timer === undefined ? 0 : Math.max(0, this.#clock.now() - this.#dueAt);
  }

  #arm(): void {
    const delay = Math.max(0, this.#dueAt - this.#clock.now());
    this.#timer = this.#clock.setTimer(delay, () => this.#fire());
  }

  #fire(): void {
    let mayPause = false;
    try {
      this.#interval = this.#intervalMs();
      this.#noteLateness(this.#clock.now() - this.#dueAt);
      mayPause = this.#mayPause();
    } finally {
      // The next tick is armed first, so that work that stops or throws leaves a consistent state. Ticks missed in a
      // stall are not made up for.
      this.#dueAt = Math.max(this.#dueAt + this.#interval, this.#clock.now());
      this.#timer = undefined;
      if (mayPause) this.#isPaused = true;
      else this.#arm();
    }
    if (!mayPause) this.#tick();
  }
}
