/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The boot id of this node. When a peer has a later map of this node's name, no peer would accept this node's writes: it
// takes a larger boot id and publishes its map again.
import type { Clock, Random, Timer } from '../index.js';
import { bootAfter, bootMs, wallMs, type BootId } from './boot.js';
import { stateLimits } from './limits.js';

/** A boot id of its own stays so far below what peers accept, in milliseconds: their clocks differ. */
const marginMs = 60_000;
/** After so many of the longest pauses without such a claim the pauses are short again. */
const calmPauses = 10;

/** What takes boot ids. */
export interface OwnBootParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Publishes the map with another boot id. */
  readonly republish: (boot: BootId) => void;
}

/** Takes larger boot ids, not too often. */
export class OwnBoot {
  readonly #parts: OwnBootParts;
  #above: BootId | undefined;
  #timer: Timer | undefined;
  #pauseMs = 0;
  #replacedAt = -Infinity;

  constructor(parts: OwnBootParts) {
    this.#parts = parts;
  }

  /** A peer has a map of this node's name with this boot id, which this node has not written. */
  claimed(boot: BootId): void {
    if (this.#above === undefined || boot > this.#above) this.#above = boot;
    if (this.#timer !== undefined) return;
    const { clock } = this.#parts;
    const sinceMs = clock.now() - this.#replacedAt;
    if (sinceMs > calmPauses * stateLimits.healMostMs) this.#pauseMs = 0;
    this.#wait(Math.max(0, this.#pauseMs - sinceMs));
  }

  #wait(ms: number): void {
    this.#timer = this.#parts.clock.setTimer(ms, () => {
      this.#timer = undefined;
      this.#replace();
    });
  }

  #replace(): void {
    const { clock, random, republish } = this.#parts;
    if (this.#above === undefined) return;
    const boot = bootAfter(this.#above, clock, random);
    // Peers would not accept it yet.
    if (bootMs(boot) > wallMs(clock) + stateLimits.bootAheadMs - marginMs) {
      this.#wait(stateLimits.healMostMs);
      return;
    }
    this.#above = undefined;
    this.#replacedAt = clock.now();
    this.#pauseMs = Math.min(
      stateLimits.healMostMs,
      Math.max(stateLimits.healMs, 2 * this.#pauseMs),
    );
    republish(boot);
  }
}
