/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// After a join a node pushes and pulls with random members after 1 s, 2 s, 4 s, … until the regular
// interval is reached. Ours, not Go's: in a burst of joins gossip alone misses somebody now and then
// (behaviour, section 7).
import type { Clock, Random, Timer } from '../ports.js';

const FIRST_DELAY_MS = 1000;
const JITTER = 0.5;

/** The extra push/pulls after a join. */
export class Settling {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #untilMs: () => number;
  readonly #pushPull: () => void;
  #timer: Timer | undefined;

  /** @param init.untilMs - the regular interval; 0 means that nothing is exchanged regularly */
  constructor(
    components: { clock: Clock; random: Random },
    init: { untilMs: () => number; pushPull: () => void },
  ) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#untilMs = init.untilMs;
    this.#pushPull = init.pushPull;
  }

  /** Begins, or begins anew. */
  start(): void {
    this.#arm(FIRST_DELAY_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    this.stop();
    if (delayMs >= this.#untilMs()) return;
    const jitter = 1 - JITTER + 2 * JITTER * this.#random.next();
    this.#timer = this.#clock.setTimer(delayMs * jitter, () => {
      this.#arm(delayMs * 2);
      this.#pushPull();
    });
  }
}
