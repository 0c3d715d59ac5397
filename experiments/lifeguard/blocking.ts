/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A process whose sends block, as in the paper. Its probe loop, its gossip loop and its push/pull loop each stop at
// their first send while the anomaly lasts, and continue when it is over; a ticker keeps one tick for a late loop.
// Suspicion timers belong to no loop and continue. In Node a send never blocks, so production nodes do not behave
// like this.

import type { LifeguardRules, Wait } from '../../src/core/lifeguard/rules.js';

const atOnce: Wait = (then) => then();

/** The blocked operations of one process. */
export class Blocking {
  #isBlocked = false;
  #waiting: (() => void)[] = [];

  /** The rules of a process with blocking sends. */
  readonly rules: Partial<LifeguardRules> = {
    excusesStalls: false,
    probeWait: () => (then) => this.#wait(then),
    suspicionWait: () => atOnce,
    periodic: (tick) => this.#loop(tick),
    // A loop stops where it is, and its ticker continues.
    pausesIdleGossip: false,
  };

  block(): void {
    this.#isBlocked = true;
  }

  /** Continues all operations, in the order in which they were blocked. */
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
