/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A process whose sends block, as the paper's did. Its probe loop, its gossip loop and its push/pull
// loop each stand still at the first thing that they send while the anomaly lasts, and go on when it
// is over; a ticker keeps one tick for a loop that is late. Suspicion timers are nobody's loop and
// run on. In Node a send never blocks, so the product has none of this.

import type { LifeguardRules, Wait } from '../../src/core/lifeguard/rules.js';

const atOnce: Wait = (then) => then();

/** What one process waits for. */
export class Blocking {
  #isBlocked = false;
  #waiting: (() => void)[] = [];

  /** The rules of a process that waits. */
  readonly rules: Partial<LifeguardRules> = {
    excusesStalls: false,
    probeWait: () => (then) => this.#wait(then),
    suspicionWait: () => atOnce,
    periodic: (tick) => this.#loop(tick),
    // A loop stands still where it is, and its ticker goes on.
    pausesIdleGossip: false,
  };

  block(): void {
    this.#isBlocked = true;
  }

  /** Everything goes on, in the order in which it came to wait. */
  release(): void {
    this.#isBlocked = false;
    for (const then of this.#waiting.splice(0)) then();
  }

  #wait(then: () => void): void {
    if (this.#isBlocked) this.#waiting.push(then);
    else then();
  }

  #loop(tick: () => void): () => void {
    let isStuck = false;
    let isLate = false;
    return () => {
      if (!this.#isBlocked) return tick();
      if (isStuck) {
        isLate = true;
        return;
      }
      isStuck = true;
      tick();
      this.#waiting.push(() => {
        isStuck = false;
        if (isLate) tick();
        isLate = false;
      });
    };
  }
}
