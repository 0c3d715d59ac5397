/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Calls back when keys expire: one timer for the earliest of them.
import type { Clock, Timer } from '../index.js';
import type { Expiring, ExpiryQueue } from './expiry.js';

/** Milliseconds between two passes over keys that have expired, at least. */
const pauseMs = 5;

/** The timer of one node. */
export class ExpiryTimer {
  readonly #clock: Clock;
  readonly #queue: ExpiryQueue;
  readonly #expired: (items: readonly Expiring[]) => void;
  #timer: Timer | undefined;
  #firesAt = Infinity;

  constructor(
    parts: { readonly clock: Clock; readonly queue: ExpiryQueue },
    init: { readonly expired: (items: readonly Expiring[]) => void },
  ) {
    this.#clock = parts.clock;
    this.#queue = parts.queue;
    this.#expired = init.expired;
  }

  /** Keys were added: the earliest may be another one. */
  added(): void {
    const { nextAt } = this.#queue;
    if (nextAt >= this.#firesAt) return;
    this.#timer?.cancel();
    this.#firesAt = nextAt;
    const delayMs = Math.max(pauseMs, nextAt - this.#clock.now());
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#firesAt = Infinity;
      this.#expired(this.#take());
      this.added();
    });
  }

  #take(): Expiring[] {
    const now = this.#clock.now();
    const items: Expiring[] = [];
    for (let item = this.#queue.take(now); item; item = this.#queue.take(now)) items.push(item);
    return items;
  }
}
