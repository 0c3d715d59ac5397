/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Members that come and go: a process that is restarted again and again, or a bad link. Each is worth
// one word, not one for every time.
import { limits } from '../wire/limits.js';
import type { Clock } from '../core/ports.js';

const WINDOW_MS = 600_000;
/** More failures than this within the window are too many. */
const TOLERATED = 3;

interface History {
  readonly failedAt: number[];
  isTold: boolean;
}

/** Counts how often members fail. */
export class Flapping {
  readonly #clock: Clock;
  readonly #histories = new Map<string, History>();

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /**
   * A member failed. @returns how often it did within ten minutes, if that is more than three times
   *   and was not told yet; it is told again once there was peace for ten minutes
   */
  failed(name: string): number | undefined {
    const now = this.#clock.now();
    const before = this.#histories.get(name);
    const failedAt = (before?.failedAt ?? []).filter((at) => at > now - WINDOW_MS);
    const isTold = before?.isTold === true && failedAt.length > 0;
    failedAt.push(now);
    if (failedAt.length > TOLERATED + 1) failedAt.shift();
    const history = { failedAt, isTold };
    this.#histories.delete(name);
    this.#histories.set(name, history);
    this.#forgetTheOld(now);
    if (isTold || failedAt.length <= TOLERATED) return undefined;
    history.isTold = true;
    return failedAt.length;
  }

  /** Least recent failures first: those that are over, and those that are too many. */
  #forgetTheOld(now: number): void {
    for (const [name, { failedAt }] of this.#histories) {
      const isOver = (failedAt.at(-1) ?? 0) <= now - WINDOW_MS;
      if (!isOver && this.#histories.size <= limits.flappingNames) return;
      this.#histories.delete(name);
    }
  }
}
