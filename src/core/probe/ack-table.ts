/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Pending answers: sequence number → waiter, with a deadline.
import type { Clock, Timer } from '../ports.js';

/** Receives an ack. Exactly one of `acked` and `expired` is called, unless canceled. */
export interface AckWaiter {
  acked(payload: Buffer, receivedAt: number): void;
  /** A helper reports that it got no answer. */
  nacked?(): void;
  /** @param lateMs - how late the deadline's timer fired, in milliseconds */
  expired(lateMs: number): void;
}

interface Entry {
  readonly waiter: AckWaiter;
  readonly timer: Timer;
}

/** The ack table. It is empty when no ping is in flight. */
export class AckTable {
  readonly #clock: Clock;
  readonly #afterReceived: (then: () => void) => void;
  readonly #entries = new Map<number, Entry>();

  constructor(components: { clock: Clock; afterReceived: (then: () => void) => void }) {
    this.#clock = components.clock;
    this.#afterReceived = components.afterReceived;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(seqNo: number): boolean {
    return this.#entries.has(seqNo);
  }

  /**
   * Waits for the ack of `seqNo`. When the deadline passes, the packets that have already arrived are processed
   * before `expired` is called: an ack in the socket's buffer was in time.
   */
  expect(seqNo: number, waiter: AckWaiter, withinMs: number): void {
    const dueAt = this.#clock.now() + withinMs;
    const timer = this.#clock.setTimer(withinMs, () => {
      const lateMs = this.#clock.now() - dueAt;
      this.#afterReceived(() => {
        if (this.#entries.get(seqNo) !== entry) return;
        this.#entries.delete(seqNo);
        waiter.expired(lateMs);
      });
    });
    const entry = { waiter, timer };
    this.#entries.get(seqNo)?.timer.cancel();
    this.#entries.set(seqNo, entry);
  }

  /** Processes an ack; false if none is expected with this number. */
  ack(seqNo: number, payload: Buffer, receivedAt: number): boolean {
    const entry = this.#entries.get(seqNo);
    if (entry === undefined) return false;
    this.cancel(seqNo);
    entry.waiter.acked(payload, receivedAt);
    return true;
  }

  /** Processes a nack; false if no ack is expected with this number. */
  nack(seqNo: number): boolean {
    const entry = this.#entries.get(seqNo);
    entry?.waiter.nacked?.();
    return entry !== undefined;
  }

  /** Stops waiting for this number. */
  cancel(seqNo: number): void {
    this.#entries.get(seqNo)?.timer.cancel();
    this.#entries.delete(seqNo);
  }

  clear(): void {
    for (const { timer } of this.#entries.values()) timer.cancel();
    this.#entries.clear();
  }
}
