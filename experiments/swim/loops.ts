/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which of the nodes' periodic work is done. Experiments want nothing but probes, say, and a cluster
// that is put together in no time before that. The settings cannot do it: they hold for the whole life
// of a node. So the rule through which the product lets experiments change its periodic work holds
// it up.

import {
  productionRules,
  type LifeguardRules,
  type PeriodicLoop,
} from '../../src/core/lifeguard/rules.js';
import type { Clock } from '../../src/core/ports.js';

/** A timer that is due now may come this much early: sums of milliseconds are not exact. */
const toleranceMs = 1e-6;

/** The periodic work of all nodes of a cluster. Nothing is done until something is let run. */
export class Loops {
  readonly #stepMs: number | undefined;
  #running: ReadonlySet<PeriodicLoop> = new Set();

  /**
   * @param init.stepMs - all nodes probe at the multiples of this time, together; by default each
   *   keeps the phase that the product drew for it
   */
  constructor(init: { stepMs?: number | undefined } = {}) {
    this.#stepMs = init.stepMs;
  }

  /** From now on this is done, and nothing else. */
  run(...running: readonly PeriodicLoop[]): void {
    this.#running = new Set(running);
  }

  /**
   * The rules of a node whose loops these are.
   *
   * @param clock - gives the clock of the node that is made with it, once it runs
   */
  rulesOf(clock: () => Clock): LifeguardRules {
    return {
      ...productionRules,
      periodic: (tick, loop) => {
        const work = loop === 'probe' ? this.#inStep(tick, clock) : tick;
        return () => {
          if (this.#running.has(loop)) work();
        };
      },
    };
  }

  #inStep(tick: () => void, clock: () => Clock): () => void {
    const stepMs = this.#stepMs;
    if (stepMs === undefined) return tick;
    return () => {
      const now = clock().now();
      const dueAt = Math.ceil((now - toleranceMs) / stepMs) * stepMs;
      clock().setTimer(Math.max(0, dueAt - now), tick);
    };
  }
}
