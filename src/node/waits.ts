/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Promises of the API that wait for something to happen in the node. A shutdown rejects all of them.
import type { MembershipEvent } from '../core/membership/events.js';
import { ShutdownError } from '../errors.js';
import type { WaitOptions } from './operation-options.js';
import { withDeadline } from '../runtime/deadline.js';
import type { Clock } from '../core/ports.js';

/** The default timeout of operations, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** What waiting needs of the node. */
export interface WaitsComponents {
  readonly clock: Clock;
  /** Whether another member could receive what is gossiped. */
  readonly hasPeers: () => boolean;
  /** How many members are alive or suspect, this node included. */
  readonly numMembers: () => number;
}

/** Starts to wait: calls `done` when it has happened, and returns a function that stops waiting. */
export type Begin = (done: () => void) => () => unknown;

/** All pending promises of one node. */
export class Waits {
  readonly #clock: Clock;
  readonly #hasPeers: () => boolean;
  readonly #numMembers: () => number;
  readonly #onMembers = new Set<{ readonly members: number; readonly done: () => void }>();
  readonly #onShutdown = new Set<() => void>();
  readonly #onAlone = new Set<() => void>();

  constructor({ clock, hasPeers, numMembers }: WaitsComponents) {
    this.#clock = clock;
    this.#hasPeers = hasPeers;
    this.#numMembers = numMembers;
  }

  /**
   * Waits until `begin` calls back.
   *
   * @throws TimeoutError; the signal's reason; ShutdownError
   */
  async until(what: string, options: WaitOptions, begin: Begin): Promise<void> {
    const { timeout = DEFAULT_TIMEOUT_MS, signal } = options;
    let stopWaiting: () => void = () => undefined;
    const happened = new Promise<void>((resolve, reject) => {
      const cancel = this.onShutdown(() => reject(new ShutdownError(what)));
      const end = begin(resolve);
      stopWaiting = () => {
        cancel();
        end();
      };
    });
    try {
      await withDeadline(happened, { clock: this.#clock, timeoutMs: timeout, signal, what });
    } finally {
      stopWaiting();
    }
  }

  /** Waits until what `queue` queues has been gossiped; not at all when no other member can receive it. */
  gossiped(what: string, options: WaitOptions, queue: (done: () => void) => void): Promise<void> {
    return this.until(what, options, (done) => {
      this.#onAlone.add(done);
      queue(done);
      if (!this.#hasPeers()) done();
      return () => this.#onAlone.delete(done);
    });
  }

  /**
   * Waits until so many members are alive or suspect, this node included.
   *
   * @throws as `until`
   */
  members(what: string, options: WaitOptions, members: number): Promise<void> {
    return this.until(what, options, (done) => {
      const waiter = { members, done };
      if (this.#numMembers() >= members) done();
      else this.#onMembers.add(waiter);
      return () => this.#onMembers.delete(waiter);
    });
  }

  /** Membership changed: some promises may resolve. */
  onMembershipEvent({ type }: MembershipEvent): void {
    if (type === 'join' && this.#onMembers.size > 0) {
      const present = this.#numMembers();
      for (const { members, done } of this.#onMembers) if (present >= members) done();
    }
    // Once the last member has left, what waits to be gossiped has no receiver, and its promises resolve.
    if (type !== 'leave' || this.#onAlone.size === 0 || this.#hasPeers()) return;
    for (const resolve of this.#onAlone) resolve();
  }

  /** Calls a function on shutdown. Returns a function that cancels that. */
  onShutdown(giveUp: () => void): () => void {
    this.#onShutdown.add(giveUp);
    return () => this.#onShutdown.delete(giveUp);
  }

  /** Rejects all pending promises. */
  shutDown(): void {
    for (const giveUp of this.#onShutdown) giveUp();
  }
}
