/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The broadcast queue as users get it: what they do wrong is an error at once.
import {
  TransmitLimitedQueue as CoreQueue,
  type Broadcast,
  type BroadcastQueueInit,
} from '../core/gossip/broadcast-queue.js';
import { ConfigError, MessageTooLargeError, type ConfigProblem } from '../errors.js';

/** What a {@link TransmitLimitedQueue} is made with. */
export interface TransmitLimitedQueueInit extends BroadcastQueueInit {
  /**
   * Bytes of the longest message that is taken; asked for each message. `Memberlist.maxBroadcastBytes` is what one
   * packet holds: a longer message would wait in the queue and never be sent. Default: no limit.
   */
  readonly maxMessageBytes?: () => number;
}

/**
 * A queue of broadcasts for a delegate's `getBroadcasts`. Each is sent `retransmitMult` × ⌈log10(n + 1)⌉ times, as in Go
 * memberlist. Those sent least come first; among equals the longest that still fits, then the newest.
 *
 * It is bounded, in entries and in bytes. A queue that holds more pushes out those that were sent most, and among
 * equals the oldest, a sixteenth of what it holds at a time. What is pushed out is finished.
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
   * Adds a broadcast; what it replaces, and what it pushes out, is finished.
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
