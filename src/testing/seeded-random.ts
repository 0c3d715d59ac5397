/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// xoshiro128** (Blackman and Vigna), with its state filled by SplitMix32 from a hash of the seed. Uses only
// 32-bit integer operations, so that a seed gives the same numbers on every machine.

import type { Random } from '../core/ports.js';

const fnvPrime = 0x01000193;
const fnvBasis = 0x811c9dc5;
const otherBasis = 0x9747b28c;

/** Random numbers that are determined by a seed. A number and its decimal text are the same seed. */
export class SeededRandom implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number | string) {
    this.#seed = String(seed);
    const first = splitMix32(hash(this.#seed, fnvBasis));
    const second = splitMix32(hash(this.#seed, otherBasis));
    this.#a = first();
    this.#b = first();
    this.#c = second();
    // An all-zero state would never change.
    this.#d = second() || 1;
  }

  /** Uniform in [0, 1), in steps of 2⁻³². */
  next(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return scrambled / 2 ** 32;
  }

  /**
   * An independent stream, determined only by this one's seed and the label: drawing from one stream does not
   * change the other, so that an additional node does not affect the rest.
   */
  fork(label: string | number): SeededRandom {
    return new SeededRandom(`${this.#seed}\u0000${label}`);
  }
}

/** FNV-1a over the UTF-16 code units. */
function hash(text: string, basis: number): number {
  let value = basis;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    value = Math.imul(value ^ (unit & 0xff), fnvPrime);
    value = Math.imul(value ^ (unit >> 8), fnvPrime);
  }
  return value;
}

function splitMix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let value = state;
    value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
    return value ^ (value >>> 16);
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
