/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Contacts many addresses so that those that never answer do not delay the one that does, as "happy eyeballs" does for
// the addresses of one host (RFC 8305): after 250 ms the next attempt starts while the previous one continues.
import type { Clock, Timer } from '../core/ports.js';

/** The most attempts that are younger than {@link STAGGER_MS}. */
const FRESH_AT_ONCE = 8;
/** The most attempts in progress: each holds a socket and a copy of the state. */
const MOST_AT_ONCE = 64;
/** How long an attempt delays the next one, in milliseconds. RFC 8305 recommends 250. */
export const STAGGER_MS = 250;
/** Timers of fractional milliseconds may fire a rounding error early. */
const TOLERANCE_MS = 0.5;

/** Starts one attempt for each item, in order, a bounded number at a time. */
export class StaggeredAttempts<Item> {
  readonly #clock: Clock;
  readonly #contact: (item: Item) => Promise<void>;
  readonly #waiting: Item[] = [];
  /** The start times of the attempts in progress, oldest first. */
  readonly #running = new Set<{ readonly since: number }>();
  #timer: Timer | undefined;
  #ended: (() => void) | undefined;

  /** @param init.contact - one attempt; must not reject, and must end soon once it is aborted */
  constructor(components: { clock: Clock }, init: { contact: (item: Item) => Promise<void> }) {
    this.#clock = components.clock;
    this.#contact = init.contact;
  }

  /** Adds items at the end of the queue, also while attempts are in progress. */
  add(items: readonly Item[]): void {
    for (const item of items) this.#waiting.push(item);
    this.#begin();
  }

  /** Resolves once the attempts for all items have ended. */
  async ended(): Promise<void> {
    if (this.#running.size === 0 && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => (this.#ended = resolve));
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    while (this.#waiting.length > 0 && this.#running.size < MOST_AT_ONCE) {
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        this.#timer = this.#clock.setTimer(waitMs, () => this.#begin());
        return;
      }
      void this.#attempt(this.#waiting.shift() as Item);
    }
    if (this.#running.size === 0 && this.#waiting.length === 0) this.#ended?.();
  }

  /** How long the next attempt has to wait. */
  #waitMs(): number {
    const now = this.#clock.now();
    const fresh = [...this.#running].filter(({ since }) => now - since < STAGGER_MS - TOLERANCE_MS);
    const [oldest] = fresh;
    if (oldest === undefined || fresh.length < FRESH_AT_ONCE) return 0;
    return oldest.since + STAGGER_MS - now;
  }

  async #attempt(item: Item): Promise<void> {
    const attempt = { since: this.#clock.now() };
    this.#running.add(attempt);
    await this.#contact(item);
    this.#running.delete(attempt);
    this.#begin();
  }
}
