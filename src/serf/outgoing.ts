/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a node gossips to Serf agents: intents first, then queries, then user events. The queues are
// bounded, with and without peers.
import { TransmitLimitedQueue } from '../index.js';
import { serfLimits } from './limits.js';
import { kept } from './messages.js';

/** What the queues need to know. */
export interface OutgoingInit {
  /** How many members are alive or suspect. */
  readonly numNodes: () => number;
  readonly retransmitMult: number;
  /** Bytes of the longest message that can be gossiped. */
  readonly budget: () => number;
}

/** The messages of one node that wait to be gossiped. */
export class Outgoing {
  readonly #intents: TransmitLimitedQueue;
  readonly #queries: TransmitLimitedQueue;
  readonly #events: TransmitLimitedQueue;
  readonly #budget: () => number;

  constructor({ budget, ...init }: OutgoingInit) {
    this.#intents = new TransmitLimitedQueue(init);
    this.#queries = new TransmitLimitedQueue(init);
    this.#events = new TransmitLimitedQueue(init);
    this.#budget = budget;
  }

  /** Messages that wait now. */
  get size(): number {
    return this.#queues.reduce((sum, { numQueued }) => sum + numQueued, 0);
  }

  /** Queues an intent of a member, in place of a queued one. Calls `finished` once it was gossiped. */
  intent(name: string, message: Uint8Array, finished?: () => void): void {
    const broadcast = { name, message: kept(message) };
    this.#queue(this.#intents, finished === undefined ? broadcast : { ...broadcast, finished });
  }

  /** Queues a query. */
  query(message: Uint8Array): void {
    this.#queue(this.#queries, { message: kept(message) });
  }

  /** Queues a user event. */
  event(message: Uint8Array): void {
    this.#queue(this.#events, { message: kept(message) });
  }

  /** Messages for one packet, as `Delegate.getBroadcasts`. */
  getBroadcasts(overhead: number, limit: number): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let left = limit;
    for (const queue of this.#queues) {
      for (const message of queue.getBroadcasts(overhead, left)) {
        left -= overhead + message.length;
        messages.push(message);
      }
    }
    return messages;
  }

  get #queues(): readonly TransmitLimitedQueue[] {
    return [this.#intents, this.#queries, this.#events];
  }

  #queue(
    queue: TransmitLimitedQueue,
    broadcast: { message: Buffer; name?: string; finished?: () => void },
  ): void {
    // It fits into no packet.
    if (broadcast.message.length > this.#budget()) return broadcast.finished?.();
    queue.queueBroadcast(broadcast);
    // Prunes many at once, as pruning goes through the whole queue.
    const most = serfLimits.queueDepth;
    if (queue.numQueued > most) queue.prune(most - most / 8);
  }
}
