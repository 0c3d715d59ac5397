/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Timer } from '../../../src/core/ports.js';
import { VirtualClock } from '../../../src/testing/index.js';

/** A virtual clock whose process can stall, as a blocked event loop does. */
export class StallableClock extends VirtualClock {
  #stalled = false;
  #held: (() => void)[] = [];

  override setTimer(delayMs: number, callback: () => void): Timer {
    let cancelled = false;
    const call = (): void => {
      if (!cancelled) callback();
    };
    const timer = super.setTimer(delayMs, () => {
      if (this.#stalled) this.#held.push(call);
      else call();
    });
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  /**
   * Time passes and nothing happens; then the timers that were due fire, all late, and only after
   * them comes `input`, what had arrived meanwhile. The turns that follow are run.
   */
  stall(ms: number, input: () => void = () => undefined): void {
    this.#stalled = true;
    this.advance(ms);
    this.#stalled = false;
    const held = this.#held;
    this.#held = [];
    for (const call of held) call();
    input();
    this.advance(0);
  }
}
