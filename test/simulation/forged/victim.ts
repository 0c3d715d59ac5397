/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How long a member that is killed takes to be found dead by all others.
import type { SimulatedCluster } from '../../../src/testing/index.js';

/** What came of it. */
export interface Outcome {
  /** Virtual milliseconds from the kill until every other node had found it dead. */
  readonly foundAfterMs: number;
  /** Other real members that were declared dead. */
  readonly falsePositives: number;
}

const GIVE_UP_MS = 1_800_000;

/** Kills a member and waits until all others have found it dead. Real members have names that begin with n. */
export async function watchForFailure(cluster: SimulatedCluster, victim: string): Promise<Outcome> {
  let falsePositives = 0;
  cluster.on('event', (_, event) => {
    if (event.type !== 'leave' || event.node.name === victim) return;
    if (event.node.name.startsWith('n')) falsePositives++;
  });
  cluster.crash(victim, { silent: true });
  const others = cluster.names();
  const isFound = (): boolean =>
    others.every((name) => {
      const state = cluster.node(name).member(victim)?.state;
      return state !== 'alive' && state !== 'suspect';
    });
  const foundAfterMs = await cluster.runUntil(isFound, { timeout: GIVE_UP_MS });
  return { foundAfterMs, falsePositives };
}
