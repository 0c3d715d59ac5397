/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rules that experiments exchange: where the Lifeguard paper and Go memberlist part, what tells plain
// SWIM from Lifeguard beside the multipliers, and what a process that waits for its sends does. The
// product runs `productionRules` and has no setting for them: experiments give others to the internal factory of nodes.
import { confirmationsWanted } from './formulas.js';

/** Waits for something, then goes on. */
export type Wait = (then: () => void) => void;

/** What a node does periodically. */
export type PeriodicLoop = 'probe' | 'gossip' | 'push-pull' | 'queue-check';

/** What experiments exchange. */
export interface LifeguardRules {
  /** Time for a direct ack, of the configured one and the local health score. */
  readonly probeTimeoutMs: (probeTimeoutMs: number, healthScore: number) => number;
  /** What a failed probe adds to the local health score (Lifeguard, section IV-A). */
  readonly failedProbeCost: (nacksWanted: number, nacks: number) => number;
  /** How many confirmations bring a suspicion to its shortest (section IV-B). */
  readonly confirmationsWanted: (suspicionMult: number, members: number) => number;
  /** Whether helpers are asked to say that they got no answer either. */
  readonly asksForNacks: boolean;
  /** Whether the accused is told with the ping (the buddy system, section IV-C). */
  readonly tellsTheAccused: boolean;
  /** Whether a round with a late deadline accuses nobody (ours; neither paper has it). */
  readonly mindsStalls: boolean;
  /** What is waited for when the time of a probe is over; the engine catches up with what came. */
  readonly probeWait: (catchUp: Wait) => Wait;
  /** The same when the time of a suspicion is over. */
  readonly suspicionWait: (catchUp: Wait) => Wait;
  /** What a loop does at each of its ticks, made of what it is to do. */
  readonly periodic: (tick: () => void, loop: PeriodicLoop) => () => void;
  /** Whether gossip ticks only while there is something to gossip. */
  readonly gossipRests: boolean;
}

const asItIs = <T>(given: T): T => given;

/** The rules of the product. */
export const productionRules: LifeguardRules = Object.freeze({
  probeTimeoutMs: (probeTimeoutMs: number) => probeTimeoutMs,
  // Helpers that keep silent say more about our own connection than about the target.
  failedProbeCost: (nacksWanted: number, nacks: number) =>
    nacksWanted > 0 ? Math.max(0, nacksWanted - nacks) : 1,
  confirmationsWanted,
  asksForNacks: true,
  tellsTheAccused: true,
  mindsStalls: true,
  probeWait: asItIs,
  suspicionWait: asItIs,
  periodic: (tick: () => void) => tick,
  gossipRests: true,
});
