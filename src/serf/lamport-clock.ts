/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A Lamport clock as Serf's: whoever says something stamps it with the time, and whoever hears it sets
// its own clock past that.

/** The last time that can still be followed by another. */
const LAST = Number.MAX_SAFE_INTEGER - 1;

export class LamportClock {
  // Serf's begins at 1, as 0 stands for "never".
  #time = 1;

  get time(): number {
    return this.#time;
  }

  /** The time, for something that is said now; what is said next has a later one. */
  stamp(): number {
    const { time } = this;
    this.witness(time);
    return time;
  }

  /** Something was heard that was said then. */
  witness(time: number): void {
    if (time >= this.#time) this.#time = Math.min(time, LAST) + 1;
  }
}
