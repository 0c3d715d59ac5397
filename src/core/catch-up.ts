/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// JavaScript has one thread: after a stall, timers fire before the sockets are read. Whoever is about
// to hold a silence against somebody waits here first, until what had come by then is handled.
import type { Counters } from './counters.js';
import type { Inbox } from './inbox.js';
import type { Clock, Timer } from './ports.js';

// Under a flood that never ends the wait must: this many turns of the event loop at most.
const MAX_TURNS = 64;

/** Waits for packets that had come already. */
export class CatchUp {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #inbox: Inbox;
  /** The turns that are waited for. */
  readonly #turns = new Set<Timer>();
  #stopped = false;

  constructor(components: { clock: Clock; counters: Counters; inbox: Inbox }) {
    this.#clock = components.clock;
    this.#counters = components.counters;
    this.#inbox = components.inbox;
  }

  /**
   * Calls back after at least one full turn of the event loop, and after more while packets keep
   * coming out of the socket's buffer or wait for their turn.
   */
  readonly wait = (then: () => void): void => {
    let turnsLeft = MAX_TURNS;
    let seen = this.#counters.packetsIn;
    const turn = (): void => {
      const busy = this.#inbox.size > 0 || this.#counters.packetsIn !== seen;
      seen = this.#counters.packetsIn;
      if (busy && turnsLeft-- > 0) this.#afterTurn(turn);
      else then();
    };
    this.#afterTurn(turn);
  };

  /** Nobody is called back any more. */
  stop(): void {
    this.#stopped = true;
    for (const turn of this.#turns) turn.cancel();
    this.#turns.clear();
  }

  #afterTurn(callback: () => void): void {
    if (this.#stopped) return;
    const turn = this.#clock.afterTurn(() => {
      this.#turns.delete(turn);
      callback();
    });
    this.#turns.add(turn);
  }
}
