/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// JavaScript has one thread: after a stall, timers fire before the sockets are read. Code that is about to count a
// missing answer as a failure waits here until the packets that had arrived by then are processed.
import type { Counters } from './counters.js';
import type { Inbox } from './inbox.js';
import type { Clock, Timer } from './ports.js';

// The wait must end under a constant flood too: it lasts at most this many turns of the event loop.
const MAX_TURNS = 64;

/** Waits until the packets that have already arrived are processed. */
export class CatchUp {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #inbox: Inbox;
  /** Pending turns. */
  readonly #turns = new Set<Timer>();
  #stopped = false;

  constructor(components: { clock: Clock; counters: Counters; inbox: Inbox }) {
    this.#clock = components.clock;
    this.#counters = components.counters;
    this.#inbox = components.inbox;
  }

  /**
   * Calls back after at least one full turn of the event loop, and after more turns while packets keep arriving from
   * the socket's buffer or wait in the inbox.
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

  /** Cancels all pending callbacks; no further one is made. */
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
