/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Creates a queue of claims about members for gossip.
import type { CoreContext } from '../context.js';
import { TransmitLimitedQueue } from './broadcast-queue.js';

/**
 * @param init.numNodes - the current size of the cluster
 * @param init.queued - called after a claim was added
 */
export function makeClaimQueue(
  { settings, counters, effects }: CoreContext,
  init: { numNodes: () => number; queued: () => void },
): TransmitLimitedQueue {
  return new TransmitLimitedQueue({
    ...init,
    retransmitMult: settings.retransmitMult,
    // Only this node sends claims about itself, such as a refutation of a suspicion, so they are never evicted.
    keeps: ({ name }) => name === settings.name,
    evicted: (count) => {
      counters.evictedBroadcasts += count;
      effects.report({ code: 'broadcasts-evicted', count });
    },
  });
}
