/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Selects which periodic work the nodes do. Experiments need only probes, for example, and a cluster that is created
// quickly before that. The configuration cannot do this, because it applies to the whole life of a node. So this uses
// the rule with which the product lets experiments change its periodic work.

import {
  productionRules,
  type LifeguardRules,
  type PeriodicLoop,
} from '../../src/core/lifeguard/rules.js';
import type { Clock } from '../../src/core/ports.js';

/** A timer that is due now may fire this much early: sums of milliseconds are not exact. */
const toleranceMs = 1e-6;

/** The periodic work of all nodes of a cluster. Nothing is done until `run` is called. */
export class Loops {
  readonly #stepMs: number | undefined;
  #running: ReadonlySet<PeriodicLoop> = new Set();

  /**
   * @param init.stepMs - all nodes probe together at the multiples of this time; by default each
   *   keeps the phase that the product has drawn for it
   */
  constructor(init: { stepMs?: number | undefined } = {}) {
    this.#stepMs = init.stepMs;
  }

  /** From now on only this work is done. */
  run(...running: readonly PeriodicLoop[]): void {
    this.#running = new Set(running);
  }

  /**
   * The rules of a node whose loops these are.
   *
   * @param clock - returns the clock of the node with this configuration, once it runs
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
