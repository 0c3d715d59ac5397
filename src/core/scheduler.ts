/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Periodic work that starts at a random phase, so that nodes do not fall in step.
import type { Clock, Random, Timer } from './ports.js';

/** What a scheduler does. */
export interface PeriodicWork {
  /** Asked before every tick; 0 when the scheduler starts keeps it off. */
  readonly intervalMs: () => number;
  readonly tick: () => void;
  /** Whether there is nothing to do: then no tick comes before the scheduler is woken. */
  readonly mayRest?: () => boolean;
}

/** So many intervals of rest are gone through one by one; what is beyond them in one step. */
const mostSteps = 10_000;

/** Does something every so often, from a random moment within the first interval on. */
export class Scheduler {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #intervalMs: () => number;
  readonly #tick: () => void;
  readonly #late: (lateMs: number) => void;
  readonly #mayRest: () => boolean;
  #timer: Timer | undefined;
  #isResting = false;
  /** The last that was known. */
  #interval = 0;
  #dueAt = 0;

  /** @param init.late - told at every tick by how much it came late */
  constructor(
    components: { clock: Clock; random: Random },
    init: PeriodicWork & { late?: (lateMs: number) => void },
  ) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#intervalMs = init.intervalMs;
    this.#tick = init.tick;
    this.#late = init.late ?? (() => undefined);
    this.#mayRest = init.mayRest ?? (() => false);
  }

  /** Starts; a second time this does nothing. */
  start(): void {
    const interval = this.#intervalMs();
    if (this.#timer !== undefined || this.#isResting || interval <= 0) return;
    this.#interval = interval;
    this.#dueAt = this.#clock.now() + this.#random.next() * interval;
    this.#arm();
  }

  /** Stops; a second time this does nothing. It may be started again. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isResting = false;
  }

  /** There is something to do again. The next tick comes when it would have come without the rest. */
  wake(): void {
    if (!this.#isResting) return;
    this.#isResting = false;
    const now = this.#clock.now();
    const interval = this.#intervalMs();
    const steps = (now - this.#dueAt) / interval;
    if (steps > mostSteps) this.#dueAt += Math.floor(steps - mostSteps) * interval;
    // One by one it comes to the same number, to the last bit, and a simulation to the same end.
    while (this.#dueAt < now) this.#dueAt += interval;
    this.#arm();
  }

  /** While it runs: the next tick comes a whole interval from now. */
  anew(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#dueAt = this.#clock.now() + this.#intervalMs();
    this.#arm();
  }

  /** Milliseconds since the next tick should have come; 0 when it is not due yet, or when this does not run. */
  get overdueMs(): number {
    return this.#timer === undefined ? 0 : Math.max(0, this.#clock.now() - this.#dueAt);
  }

  #arm(): void {
    const delay = Math.max(0, this.#dueAt - this.#clock.now());
    this.#timer = this.#clock.setTimer(delay, () => this.#fire());
  }

  #fire(): void {
    let mayRest = false;
    try {
      this.#interval = this.#intervalMs();
      this.#late(this.#clock.now() - this.#dueAt);
      mayRest = this.#mayRest();
    } finally {
      // The next tick is armed first, so that work that stops or throws leaves things in order.
      // Ticks that were missed in a stall are not caught up with.
      this.#dueAt = Math.max(this.#dueAt + this.#interval, this.#clock.now());
      this.#timer = undefined;
      if (mayRest) this.#isResting = true;
      else this.#arm();
    }
    if (!mayRest) this.#tick();
  }
}
