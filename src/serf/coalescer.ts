/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Delays events so that later ones can replace them, as Serf's agent does with its option `event-handler` coalescing.
import type { Clock, Timer } from '../index.js';
import { serfLimits } from './limits.js';

/** When waiting events are delivered. */
export interface CoalesceTimes {
  /** Milliseconds after the first one. */
  readonly period: number;
  /** Milliseconds without a further one. */
  readonly quiescence: number;
}

/** Keeps the latest items by key, and delivers them together. */
export class Coalescer<T> {
  readonly #clock: Clock;
  readonly #times: CoalesceTimes;
  readonly #deliver: (items: T[]) => void;
  readonly #items = new Map<string, T>();
  #period: Timer | undefined;
  #quiescence: Timer | undefined;

  constructor(clock: Clock, init: { times: CoalesceTimes; deliver: (items: T[]) => void }) {
    this.#clock = clock;
    this.#times = init.times;
    this.#deliver = init.deliver;
  }

  /** What waits under a key. */
  waiting(key: string): T | undefined {
    return this.#items.get(key);
  }

  /** Keeps an item in place of the one with its key. */
  add(key: string, item: T): void {
    this.#items.set(key, item);
    this.#period ??= this.#clock.setTimer(this.#times.period, () => this.flush());
    this.#quiescence?.cancel();
    this.#quiescence = this.#clock.setTimer(this.#times.quiescence, () => this.flush());
    if (this.#items.size >= serfLimits.coalescedEvents) this.flush();
  }

  /** Delivers what waits. */
  flush(): void {
    this.#period?.cancel();
    this.#quiescence?.cancel();
    this.#period = this.#quiescence = undefined;
    const items = [...this.#items.values()];
    this.#items.clear();
    if (items.length > 0) this.#deliver(items);
  }
}
