/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Members that join and fail repeatedly: a process in a restart loop, or a bad link. Each is reported once, and again
// only after ten minutes without failures.
import { limits } from '../wire/limits.js';
import type { Clock } from '../core/ports.js';

const WINDOW_MS = 600_000;
/** A member flaps when it fails more often than this within the window. */
const TOLERATED = 3;

interface History {
  readonly failedAt: number[];
  isReported: boolean;
}

/** Counts how often members fail. */
export class Flapping {
  readonly #clock: Clock;
  readonly #histories = new Map<string, History>();

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /**
   * A member failed.
   *
   * @returns how often it did within ten minutes, if that is more than three times and was not reported yet
   */
  failed(name: string): number | undefined {
    const now = this.#clock.now();
    const before = this.#histories.get(name);
    const failedAt = (before?.failedAt ?? []).filter((at) => at > now - WINDOW_MS);
    const isReported = before?.isReported === true && failedAt.length > 0;
    failedAt.push(now);
    if (failedAt.length > TOLERATED + 1) failedAt.shift();
    const history = { failedAt, isReported };
    this.#histories.delete(name);
    this.#histories.set(name, history);
    this.#forgetTheOld(now);
    if (isReported || failedAt.length <= TOLERATED) return undefined;
    history.isReported = true;
    return failedAt.length;
  }

  /** Removes the least recent histories: those that have expired, and those beyond the limit. */
  #forgetTheOld(now: number): void {
    for (const [name, { failedAt }] of this.#histories) {
      const isOver = (failedAt.at(-1) ?? 0) <= now - WINDOW_MS;
      if (!isOver && this.#histories.size <= limits.flappingNames) return;
      this.#histories.delete(name);
    }
  }
}
