/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Detects stalls of our own event loop by the lateness of periodic work, so that operators see them even when no
// probe was pending. A quiet node has only one probe per interval to do, so this class also checks between two
// probes.
import type { Counters } from './counters.js';
import type { Clock, Effects, Timer } from './ports.js';

/** Counts and reports stalls: one for all ticks that the same stall delayed. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #report: Effects['report'];
  readonly #fromMs: number;
  #lastEndedAt = -Infinity;
  #next: Timer | undefined;

  /** @param init.fromMs - minimum lateness of a stall */
  constructor(
    components: { clock: Clock; counters: Counters; report: Effects['report'] },
    init: { fromMs: number },
  ) {
    this.#clock = components.clock;
    this.#report = components.report;
    this.#counters = components.counters;
    this.#fromMs = init.fromMs;
  }

  /** A tick came this many milliseconds late. */
  readonly noteLateness = (lateMs: number): void => {
    if (lateMs <= this.#fromMs) return;
    const now = this.#clock.now();
    const beganAt = now - lateMs;
    // A tick that was due before the last stall ended was delayed by that stall, at least until its end.
    const isNew = beganAt >= this.#lastEndedAt;
    if (isNew) {
      this.#counters.stalls++;
      this.#report({ code: 'event-loop-stalled', lateMs });
    }
    this.#counters.stallMs += isNew ? lateMs : now - this.#lastEndedAt;
    this.#lastEndedAt = now;
  };

  /**
   * Checks every `fromMs` until the next tick, which is due in this many milliseconds and checks by itself. Each
   * probe restarts it: the checks then coincide with the deadlines of probes and cause no additional wake-ups.
   */
  watchUntilTick(nextTickInMs: number): void {
    this.stop();
    this.#checkUntil(this.#clock.now() + nextTickInMs);
  }

  #checkUntil(tickAt: number): void {
    const dueAt = this.#clock.now() + this.#fromMs;
    if (dueAt >= tickAt) return;
    this.#next = this.#clock.setTimer(this.#fromMs, () => {
      try {
        this.noteLateness(this.#clock.now() - dueAt);
      } finally {
        this.#checkUntil(tickAt);
      }
    });
  }

  /** Stops checking until {@link watchUntilTick} is called again. */
  stop(): void {
    this.#next?.cancel();
    this.#next = undefined;
  }
}
