/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// After a join a node exchanges state with random members after 1 s, 2 s, 4 s, … until the regular push/pull interval
// is reached. Go memberlist has no such exchanges: in a burst of joins gossip alone sometimes misses a member
// (behavior, section 7). On a slow link these exchanges would delay the probes behind them and cause false failures,
// so they are postponed there.
import type { Clock, Random, Timer } from '../ports.js';

const FIRST_DELAY_MS = 1000;
const JITTER = 0.5;
/** After an exchange that took t ms, the next one waits for this many times t. */
const REST_PER_EXCHANGE = 10;

/** Dependencies of {@link Settling}. */
export interface SettlingWork {
  /** The regular interval in milliseconds; 0 if there are no regular push/pulls. */
  readonly untilMs: () => number;
  /** Whether the node's own probes succeed (a local health score of 0). */
  readonly isHealthy: () => boolean;
  readonly pushPull: () => void;
}

/** The additional push/pulls after a join. */
export class Settling {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #work: SettlingWork;
  #timer: Timer | undefined;
  #endsAt = 0;
  #exchanges = 0;
  #mayExchangeAt = 0;

  constructor(components: { clock: Clock; random: Random }, work: SettlingWork) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#work = work;
  }

  /** Starts, or restarts with the first delay. */
  start(): void {
    this.#endsAt = this.#clock.now() + 2 * this.#work.untilMs();
    this.#arm(FIRST_DELAY_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /**
   * The node starts a push/pull, for any reason. Its duration shows how slow the link is.
   *
   * @returns a function to call once, when the push/pull has ended in any way
   */
  exchangeBegins(): () => void {
    const beganAt = this.#clock.now();
    this.#exchanges++;
    return () => {
      const now = this.#clock.now();
      this.#exchanges--;
      const restMs = REST_PER_EXCHANGE * (now - beganAt);
      this.#mayExchangeAt = Math.max(this.#mayExchangeAt, now + restMs);
    };
  }

  #arm(delayMs: number): void {
    this.stop();
    if (delayMs >= this.#work.untilMs()) return;
    const jitter = 1 - JITTER + 2 * JITTER * this.#random.next();
    this.#timer = this.#clock.setTimer(delayMs * jitter, () => {
      if (this.#mustWait()) {
        this.#postpone(delayMs);
        return;
      }
      this.#arm(delayMs * 2);
      this.#work.pushPull();
    });
  }

  #mustWait(): boolean {
    if (this.#exchanges > 0 || this.#clock.now() < this.#mayExchangeAt) return true;
    return !this.#work.isHealthy();
  }

  // Waits for the same delay again, until the regular push/pulls have taken over.
  #postpone(delayMs: number): void {
    if (this.#clock.now() < this.#endsAt) this.#arm(delayMs);
    else this.stop();
  }
}
