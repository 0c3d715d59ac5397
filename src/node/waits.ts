/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Promises of the API that wait until something happens in the node. A shutdown ends all of them.
import { ShutdownError } from '../errors.js';
import type { WaitOptions } from './operation-options.js';
import { withDeadline } from '../runtime/deadline.js';
import type { Clock } from '../core/ports.js';

/** How long an operation waits that is given no timeout. Milliseconds. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** What waiting needs of the node. */
export interface WaitsComponents {
  readonly clock: Clock;
  /** Whether another member could receive what is gossiped. */
  readonly hasPeers: () => boolean;
}

/** What is waited for: calls `done` when it has happened, and returns what ends the waiting. */
export type Begin = (done: () => void) => () => unknown;

/** All promises of one node that wait. */
export class Waits {
  readonly #clock: Clock;
  readonly #hasPeers: () => boolean;
  readonly #onShutdown = new Set<() => void>();
  readonly #onAlone = new Set<() => void>();

  constructor({ clock, hasPeers }: WaitsComponents) {
    this.#clock = clock;
    this.#hasPeers = hasPeers;
  }

  /**
   * Waits until what `begin` begins calls back.
   *
   * @throws TimeoutError; the signal's reason; ShutdownError
   */
  async until(what: string, options: WaitOptions, begin: Begin): Promise<void> {
    const { timeout = DEFAULT_TIMEOUT_MS, signal } = options;
    let stopWaiting: () => void = () => undefined;
    const happened = new Promise<void>((resolve, reject) => {
      const forget = this.onShutdown(() => reject(new ShutdownError(what)));
      const end = begin(resolve);
      stopWaiting = () => {
        forget();
        end();
      };
    });
    try {
      await withDeadline(happened, { clock: this.#clock, timeoutMs: timeout, signal, what });
    } finally {
      stopWaiting();
    }
  }

  /** Waits until what `say` queues has been gossiped; not at all where no other member could receive it. */
  gossiped(what: string, options: WaitOptions, say: (done: () => void) => void): Promise<void> {
    return this.until(what, options, (done) => {
      this.#onAlone.add(done);
      say(done);
      if (!this.#hasPeers()) done();
      return () => this.#onAlone.delete(done);
    });
  }

  /** A member left. If it was the last one, what waits to be gossiped has no receiver, and its promises resolve. */
  memberLeft(): void {
    if (this.#onAlone.size === 0 || this.#hasPeers()) return;
    for (const resolve of this.#onAlone) resolve();
  }

  /** Calls this on a shutdown. Returns what forgets it. */
  onShutdown(giveUp: () => void): () => void {
    this.#onShutdown.add(giveUp);
    return () => this.#onShutdown.delete(giveUp);
  }

  /** Rejects everything that waits. */
  shutDown(): void {
    for (const giveUp of this.#onShutdown) giveUp();
  }
}
