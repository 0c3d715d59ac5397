/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Lifeguard, section IV-B: a suspicion starts with a long timeout, which each independent confirmation reduces. When
// the timer fires, packets that have already arrived are processed first, so that a refutation in the socket's buffer
// counts.
import type { Clock, Timer } from '../ports.js';
import { suspicionTimeoutMs } from './formulas.js';

/** One suspicion of a member, until it is refuted or times out. */
export class Suspicion {
  readonly #clock: Clock;
  readonly #afterReceived: (then: () => void) => void;
  readonly #expired: (confirmations: number) => void;
  readonly #confirmers = new Set<string>();
  readonly #accuser: string;
  readonly #wanted: number;
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #startedAt: number;
  #timer: Timer;
  #over = false;
  #canceled = false;

  constructor(
    components: { clock: Clock; afterReceived: (then: () => void) => void },
    init: {
      accuser: string;
      /** Confirmations that reduce the timeout to `minMs`. */
      wanted: number;
      minMs: number;
      maxMs: number;
      expired: (confirmations: number) => void;
    },
  ) {
    this.#clock = components.clock;
    this.#afterReceived = components.afterReceived;
    this.#accuser = init.accuser;
    this.#wanted = init.wanted;
    this.#minMs = init.minMs;
    this.#maxMs = init.maxMs;
    this.#expired = init.expired;
    this.#startedAt = this.#clock.now();
    this.#timer = this.#arm();
  }

  /** Confirmations so far. */
  get confirmations(): number {
    return this.#confirmers.size;
  }

  get wanted(): number {
    return this.#wanted;
  }

  /** Counts a confirmation; true if it was new and still wanted, so worth relaying. */
  confirm(from: string): boolean {
    if (this.#over || this.#confirmers.size >= this.#wanted) return false;
    if (from === this.#accuser || this.#confirmers.has(from)) return false;
    this.#confirmers.add(from);
    this.#timer.cancel();
    this.#timer = this.#arm();
    return true;
  }

  /** Ends the suspicion; it does not time out. */
  cancel(): void {
    this.#over = true;
    this.#canceled = true;
    this.#timer.cancel();
  }

  #arm(): Timer {
    const total = suspicionTimeoutMs(this.#confirmers.size, this.#wanted, this.#minMs, this.#maxMs);
    const left = this.#startedAt + total - this.#clock.now();
    return this.#armIn(Math.max(0, left));
  }

  #armIn(delayMs: number): Timer {
    return this.#clock.setTimer(delayMs, () => this.#afterReceived(() => this.#fire()));
  }

  #fire(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#expired(this.#confirmers.size);
    } catch (error) {
      // Without a retry the member would stay suspect forever.
      if (!this.#canceled) {
        this.#over = false;
        this.#timer = this.#armIn(this.#minMs);
      }
      throw error;
    }
  }
}
