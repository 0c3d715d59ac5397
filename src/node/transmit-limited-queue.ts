/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The broadcast queue for applications, which checks its arguments.
import {
  TransmitLimitedQueue as CoreQueue,
  type Broadcast,
  type BroadcastQueueInit,
} from '../core/gossip/broadcast-queue.js';
import { ConfigError, MessageTooLargeError, type ConfigProblem } from '../errors.js';

/** What a {@link TransmitLimitedQueue} is made with. */
export interface TransmitLimitedQueueInit extends BroadcastQueueInit {
  /**
   * The longest message, in bytes; called for each message. Pass `Memberlist.maxBroadcastBytes`: a longer message fits
   * into no packet and would stay in the queue. Default: no limit.
   */
  readonly maxMessageBytes?: () => number;
}

/**
 * A queue of broadcasts for a delegate's `getBroadcasts`. Each is sent `retransmitMult` × ⌈log10(n + 1)⌉ times, as in Go
 * memberlist. Those sent least come first; among equals the longest that still fits, then the newest.
 *
 * The queue is bounded in entries and bytes. When it is full it evicts a sixteenth of its entries: those sent most, and
 * among equals the oldest. An evicted broadcast is finished.
 */
export class TransmitLimitedQueue extends CoreQueue {
  readonly #maxMessageBytes: () => number;

  /** @throws ConfigError when a bound is no whole number of 1 or more */
  constructor(init: TransmitLimitedQueueInit) {
    const problems = (['maxEntries', 'maxBytes'] as const).flatMap((field): ConfigProblem[] => {
      const value = init[field];
      if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return [];
      return [{ field, value, rule: 'must be an integer, 1 or more' }];
    });
    if (problems.length > 0) throw new ConfigError(problems);
    super(init);
    this.#maxMessageBytes = init.maxMessageBytes ?? (() => Infinity);
  }

  /**
   * Adds a broadcast. Broadcasts that it replaces or evicts are finished.
   *
   * @throws MessageTooLargeError when the message is longer than `maxMessageBytes`
   */
  override queueBroadcast(broadcast: Broadcast): void {
    const { length } = broadcast.message;
    const limit = this.#maxMessageBytes();
    if (length > limit) throw new MessageTooLargeError('the broadcast', length, limit);
    super.queueBroadcast(broadcast);
  }
}
