/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { CoreContext } from '../context.js';
import { suspicionMinMs } from '../lifeguard/formulas.js';
import { Suspicion } from '../lifeguard/suspicion.js';

/** The running suspicions by name of the suspect: at most one each. */
export class Suspicions {
  readonly #context: CoreContext;
  readonly #afterReceived: (then: () => void) => void;
  readonly #running = new Map<string, Suspicion>();

  constructor(components: { context: CoreContext; afterReceived: (then: () => void) => void }) {
    this.#context = components.context;
    this.#afterReceived = components.afterReceived;
  }

  get size(): number {
    return this.#running.size;
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }

  /** Number of confirmations; undefined if no suspicion is running. */
  confirmations(name: string): number | undefined {
    return this.#running.get(name)?.confirmations;
  }

  /** Starts a suspicion; `expired` is called when it times out. */
  start(init: { name: string; accuser: string; members: number; expired: () => void }): void {
    const { name, accuser, members } = init;
    const { settings, clock, effects, counters } = this.#context;
    if (this.#running.has(name)) throw new Error(`${name} is already under suspicion`);
    const { suspicionMult, suspicionMaxTimeoutMult, probeInterval, lifeguard } = settings;
    const minMs = suspicionMinMs(suspicionMult, members, probeInterval);
    const wanted = lifeguard.confirmationsWanted(suspicionMult, members);
    const expired = (confirmations: number): void => {
      if (confirmations < wanted) {
        counters.unconfirmedSuspicionTimeouts++;
        effects.report({ code: 'suspicion-unconfirmed', peer: name, confirmations, wanted });
      }
      init.expired();
    };
    const timing = { accuser, wanted, minMs, maxMs: minMs * suspicionMaxTimeoutMult, expired };
    this.#running.set(name, new Suspicion({ clock, afterReceived: this.#afterReceived }, timing));
  }

  /** Counts a confirmation; true if it was new and still wanted. */
  confirm(name: string, from: string): boolean {
    if (this.#running.get(name)?.confirm(from) !== true) return false;
    this.#context.counters.suspicionConfirmations++;
    return true;
  }

  /** Ends the suspicion, if there is one. */
  settle(name: string): void {
    if (this.#running.size === 0) return;
    this.#running.get(name)?.cancel();
    this.#running.delete(name);
  }

  /** Ends all suspicions. */
  clear(): void {
    for (const suspicion of this.#running.values()) suspicion.cancel();
    this.#running.clear();
  }
}
