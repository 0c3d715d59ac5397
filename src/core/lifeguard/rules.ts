/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rules that experiments replace: where the Lifeguard paper and Go memberlist differ, what distinguishes plain SWIM
// from Lifeguard apart from the multipliers, and the behavior of a process that blocks on its sends. The product runs
// `productionRules` and has no option for them: experiments pass other rules to the internal factory of nodes.
import { confirmationsWanted } from './formulas.js';

/** Waits for something, then calls back. */
export type Wait = (then: () => void) => void;

/** The periodic loops of a node. */
export type PeriodicLoop = 'probe' | 'gossip' | 'push-pull' | 'queue-check';

/** The rules that experiments replace. */
export interface LifeguardRules {
  /** Timeout of a direct ack, from the configured one and the local health score. */
  readonly probeTimeoutMs: (probeTimeoutMs: number, healthScore: number) => number;
  /** What a failed probe adds to the local health score (Lifeguard, section IV-A). */
  readonly failedProbeCost: (nacksWanted: number, nacks: number) => number;
  /** How many confirmations reduce a suspicion timeout to its minimum (section IV-B). */
  readonly confirmationsWanted: (suspicionMult: number, members: number) => number;
  /** Whether helpers are asked for a nack if they get no ack either. */
  readonly requestsNacks: boolean;
  /** Whether a ping to a suspect includes the suspicion (the buddy system, section IV-C). */
  readonly usesBuddySystem: boolean;
  /** Whether a round with a late deadline raises no suspicion (an addition of this library; neither paper has it). */
  readonly excusesStalls: boolean;
  /** What to wait for when a probe times out; `catchUp` waits until the received packets are processed. */
  readonly probeWait: (catchUp: Wait) => Wait;
  /** The same when a suspicion times out. */
  readonly suspicionWait: (catchUp: Wait) => Wait;
  /** Wraps the tick of a periodic loop. */
  readonly periodic: (tick: () => void, loop: PeriodicLoop) => () => void;
  /** Whether gossip pauses while there is nothing to gossip. */
  readonly pausesIdleGossip: boolean;
}

const identity = <T>(given: T): T => given;

/** The rules of the product. */
export const productionRules: LifeguardRules = Object.freeze({
  probeTimeoutMs: (probeTimeoutMs: number) => probeTimeoutMs,
  // Missing nacks indicate a problem of our own connection rather than of the target.
  failedProbeCost: (nacksWanted: number, nacks: number) =>
    nacksWanted > 0 ? Math.max(0, nacksWanted - nacks) : 1,
  confirmationsWanted,
  requestsNacks: true,
  usesBuddySystem: true,
  excusesStalls: true,
  probeWait: identity,
  suspicionWait: identity,
  periodic: (tick: () => void) => tick,
  pausesIdleGossip: true,
});
