/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Names that the user wants forgotten. A table that another node sends may still contain such a member as alive, from
// before its death; it is admitted again only if it answers a ping. As in a probe, an answer over a stream counts
// too: UDP may not reach it.
import { limits } from '../../wire/limits.js';
import type { Clock } from '../ports.js';
import type { Pinger } from '../probe/pinger.js';

interface Entry {
  readonly until: number;
  isPinging: boolean;
}

/** The forgotten names. */
export class Forgotten {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #pinger: Pinger;
  readonly #entries = new Map<string, Entry>();

  /** @param init.forMs - milliseconds for which a name stays forgotten */
  constructor(components: { clock: Clock; pinger: Pinger }, init: { forMs: number }) {
    this.#clock = components.clock;
    this.#forMs = init.forMs;
    this.#pinger = components.pinger;
  }

  /** Forgets a name from now on. Beyond the limit the oldest entry is dropped. */
  add(name: string): void {
    this.#entries.delete(name);
    this.#entries.set(name, { until: this.#clock.now() + this.#forMs, isPinging: false });
    for (const first of this.#entries.keys()) {
      if (this.#entries.size <= limits.forgottenNames) return;
      this.#entries.delete(first);
    }
  }

  /**
   * Whether an alive claim must be verified first, because its name is forgotten. The node is then pinged; if it
   * answers, the name is no longer forgotten and `verified` is called.
   */
  mustVerify(name: string, addr: string, verified: () => void): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined) return false;
    if (entry.until <= this.#clock.now()) {
      this.#entries.delete(name);
      return false;
    }
    if (entry.isPinging) return true;
    entry.isPinging = true;
    this.#pinger.checkAlive({ node: name, addr }, (answered) => {
      entry.isPinging = false;
      if (!answered || this.#entries.get(name) !== entry) return;
      this.#entries.delete(name);
      verified();
    });
    return true;
  }
}
