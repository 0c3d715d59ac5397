/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Stalls of our own event loop, seen by how late the periodic work comes: whoever runs the service
// wants to know of them also when no probe happened to wait just then. A quiet node has but one probe an interval
// to do, so the watch looks by itself between two probes.
import type { Counters } from './counters.js';
import type { Clock, Effects, Timer } from './ports.js';

/** Counts and reports stalls: one for all the ticks that the same stall made late. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #report: Effects['report'];
  readonly #fromMs: number;
  #lastEndedAt = -Infinity;
  #next: Timer | undefined;

  /** @param init.fromMs - the lateness that a stall begins with */
  constructor(
    components: { clock: Clock; counters: Counters; report: Effects['report'] },
    init: { fromMs: number },
  ) {
    this.#clock = components.clock;
    this.#report = components.report;
    this.#counters = components.counters;
    this.#fromMs = init.fromMs;
  }

  /** A tick came so many milliseconds late. */
  readonly late = (lateMs: number): void => {
    if (lateMs <= this.#fromMs) return;
    const now = this.#clock.now();
    const beganAt = now - lateMs;
    // A tick that was due before the last stall ended was made late by that one, as far as that goes.
    const isNew = beganAt >= this.#lastEndedAt;
    if (isNew) {
      this.#counters.stalls++;
      this.#report({ code: 'event-loop-stalled', lateMs });
    }
    this.#counters.stallMs += isNew ? lateMs : now - this.#lastEndedAt;
    this.#lastEndedAt = now;
  };

  /**
   * Looks after as long a time as a stall has, and again and again, up to the next tick, which looks by itself and is
   * due in so many milliseconds. With each probe it begins anew: then its looks fall together with the deadlines of
   * probes, and wake nobody up for their own sake.
   */
  goOn(nextTickInMs: number): void {
    this.stop();
    this.#lookUntil(this.#clock.now() + nextTickInMs);
  }

  #lookUntil(tickAt: number): void {
    const dueAt = this.#clock.now() + this.#fromMs;
    if (dueAt >= tickAt) return;
    this.#next = this.#clock.setTimer(this.#fromMs, () => {
      try {
        this.late(this.#clock.now() - dueAt);
      } finally {
        this.#lookUntil(tickAt);
      }
    });
  }

  /** Looks no more, until it is to go on. */
  stop(): void {
    this.#next?.cancel();
    this.#next = undefined;
  }
}
