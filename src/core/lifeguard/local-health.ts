/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Lifeguard, section IV-A: a node that misses acks and nacks assumes a local problem first. The score scales its
// probe interval; 0 is healthy.

/** The local health score, from 0 to `maxMultiplier` − 1. */
export class LocalHealth {
  readonly #max: number;
  readonly #changed: (score: number) => void;
  #score = 0;

  constructor(init: { maxMultiplier: number; changed: (score: number) => void }) {
    this.#max = init.maxMultiplier - 1;
    this.#changed = init.changed;
  }

  get score(): number {
    return this.#score;
  }

  /** Adds to the score, within its range; a negative delta improves the health. */
  add(delta: number): void {
    const score = Math.min(this.#max, Math.max(0, this.#score + delta));
    if (score === this.#score) return;
    this.#score = score;
    this.#changed(score);
  }

  /** A duration multiplied by the score plus one. */
  scale(durationMs: number): number {
    return durationMs * (this.#score + 1);
  }
}
