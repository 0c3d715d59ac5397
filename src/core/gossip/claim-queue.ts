/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The queue of claims about members that a node gossips.
import type { CoreContext } from '../context.js';
import type { MemberTable } from '../member-table.js';
import { TransmitLimitedQueue } from './broadcast-queue.js';

/** @param init.queued - called after a claim was added */
export function makeClaimQueue(
  { context, table }: { context: CoreContext; table: MemberTable },
  init: { queued: () => void },
): TransmitLimitedQueue {
  const { settings, counters, effects } = context;
  return new TransmitLimitedQueue({
    ...init,
    numNodes: () => table.size,
    retransmitMult: settings.retransmitMult,
    // What a node says of itself comes from nowhere else: that it lives, for one, when others suspect it.
    keeps: ({ name }) => name === settings.name,
    evicted: (count) => {
      counters.evictedBroadcasts += count;
      effects.report({ code: 'broadcasts-evicted', count });
    },
  });
}
