/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Periodic work that starts at a random phase, so that nodes do not fall in step.
import type { Clock, Random, Timer } from './ports.js';

/** Does something every so often, from a random moment within the first interval on. */
export class Scheduler {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #intervalMs: () => number;
  readonly #tick: () => void;
  readonly #late: (lateMs: number) => void;
  #timer: Timer | undefined;
  #dueAt = 0;

  /**
   * @param init.intervalMs - asked before every tick; 0 when the scheduler starts keeps it off
   * @param init.tick - the work
   * @param init.late - told at every tick by how much it came late
   */
  constructor(
    components: { clock: Clock; random: Random },
    init: { intervalMs: () => number; tick: () => void; late?: (lateMs: number) => void },
  ) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#intervalMs = init.intervalMs;
    this.#tick = init.tick;
    this.#late = init.late ?? (() => undefined);
  }

  /** Starts; a second time this does nothing. */
  start(): void {
    const interval = this.#intervalMs();
    if (this.#timer !== undefined || interval <= 0) return;
    this.#dueAt = this.#clock.now() + this.#random.next() * interval;
    this.#arm();
  }

  /** Stops; a second time this does nothing. It may be started again. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** While it runs: the next tick comes a whole interval from now. */
  anew(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#dueAt = this.#clock.now() + this.#intervalMs();
    this.#arm();
  }

  #arm(): void {
    const delay = Math.max(0, this.#dueAt - this.#clock.now());
    this.#timer = this.#clock.setTimer(delay, () => {
      // The next tick is armed first, so that work that stops or fails leaves things in order.
      // Ticks that were missed in a stall are not caught up with.
      const interval = this.#intervalMs();
      this.#late(this.#clock.now() - this.#dueAt);
      this.#dueAt = Math.max(this.#dueAt + interval, this.#clock.now());
      this.#arm();
      this.#tick();
    });
  }
}
