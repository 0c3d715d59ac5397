/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { SeededRandom } from '../../../src/testing/index.js';

/** Draws from a seed. */
export class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number | string) {
    this.#random = new SeededRandom(`campaign ${seed}`);
  }

  unit(): number {
    return this.#random.next();
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  between(min: number, max: number): number {
    return min + (max - min) * this.#random.next();
  }

  whole(min: number, max: number): number {
    return min + Math.floor((max - min + 1) * this.#random.next());
  }

  /** From 0 to `max`, in hundredths. */
  rounded(max: number): number {
    return Math.round(100 * max * this.#random.next()) / 100;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(list.length * this.#random.next())] as T;
  }
}
