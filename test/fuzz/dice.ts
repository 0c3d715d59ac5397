/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The only source of randomness of the fuzzer: a seed reproduces a run.
import { SeededRandom } from '../../src/testing/seeded-random.js';

const drawnBytes = 509;

/** Draws numbers, choices and bytes. */
export class Dice {
  readonly #random: SeededRandom;

  constructor(seed: string) {
    this.#random = new SeededRandom(seed);
  }

  /** An integer from 0 to `limit`, exclusive. */
  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  /** True with probability 1/n. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Random bytes; long ones repeat. */
  bytes(length: number): Buffer {
    const drawn = Buffer.allocUnsafe(Math.min(length, drawnBytes));
    for (let i = 0; i < drawn.length; i++) drawn[i] = this.below(256);
    return length === drawn.length ? drawn : Buffer.alloc(length, drawn);
  }

  /** Often short, at times near a boundary of a length field, rarely long. */
  length(): number {
    const kind = this.below(100);
    if (kind < 60) return this.below(24);
    if (kind < 92) return this.pick([0, 1, 4, 15, 16, 17, 31, 32, 33, 255, 256, 511, 512, 513]);
    if (kind < 99) return this.below(1_200);
    return this.oneIn(20) ? this.below(66_000) : this.below(8_000);
  }

  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items];
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j] as T, list[i] as T];
    }
    return list;
  }
}
