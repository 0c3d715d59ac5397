/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998): each member has a
// score for each key, and the highest score owns the key. With weights the score is −w / ln u for a uniform u, so that a
// member's share of the keys is its share of the weights, and a change of one weight moves keys only from or to that
// member (Schindelhauer and Schomaker, 2005).
import { hashOfKey, scoreOf, seedOf, type Hash64, type RingKey } from './hash.js';
import { negativeLog } from './logarithm.js';

/** A member of a ring. */
export interface RingMember {
  readonly name: string;
  /** Its share of the keys, relative to that of the others: above 0. */
  readonly weight: number;
}

/** Scores of all members for a key, in the order of the table. Empty until needed, then reused. */
interface Scratch {
  scores: Float64Array;
}

/** The owners of all keys, for one set of members. */
export class RendezvousTable {
  /** By name, in code unit order. */
  readonly members: readonly RingMember[];
  /** The heaviest first, and by name. */
  readonly #names: readonly string[];
  /** The position of each in `members`. */
  readonly #ranks: Int32Array;
  readonly #high: Int32Array;
  readonly #low: Int32Array;
  readonly #weights: Float64Array;
  /** Whether the weights differ. If not, the highest integer wins, and no logarithm is necessary. */
  readonly #isWeighted: boolean;
  readonly #scratch: Scratch = { scores: new Float64Array(0) };

  /** @param seeds - known seeds of members, which are also those of the next table */
  constructor(members: Iterable<RingMember>, seeds = new Map<string, Hash64>()) {
    this.members = [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
    const ranked = this.members.map((member, rank) => ({ ...member, rank }));
    ranked.sort((a, b) => b.weight - a.weight || a.rank - b.rank);
    const { length } = ranked;
    this.#names = ranked.map(({ name }) => name);
    this.#ranks = Int32Array.from(ranked, ({ rank }) => rank);
    this.#high = new Int32Array(length);
    this.#low = new Int32Array(length);
    this.#weights = Float64Array.from(ranked, ({ weight }) => weight);
    this.#isWeighted = ranked[0]?.weight !== ranked.at(-1)?.weight;
    this.#fill(seeds);
  }

  /** The member that owns a key; undefined without members. */
  owner(key: RingKey): string | undefined {
    const hash = hashOfKey(key);
    return this.#names[this.#isWeighted ? this.#heaviest(hash) : this.#highest(hash)];
  }

  /** The first `count` members for a key, the owner first; all members if there are fewer. */
  owners(key: RingKey, count: number): string[] {
    const { length } = this.#names;
    const wanted = Math.min(count, length);
    if (wanted === 0) return [];
    const scores = this.#scoresFor(hashOfKey(key));
    const best: number[] = [];
    for (let i = 0; i < length; i++) {
      const last = best[wanted - 1];
      if (last !== undefined && !this.#isBefore(scores, i, last)) continue;
      let at = Math.min(best.length, wanted - 1);
      while (at > 0 && this.#isBefore(scores, i, best[at - 1] as number)) {
        best[at] = best[at - 1] as number;
        at--;
      }
      best[at] = i;
    }
    return best.map((index) => this.#names[index] as string);
  }

  #fill(seeds: Map<string, Hash64>): void {
    const used = new Map<string, Hash64>();
    for (const [i, name] of this.#names.entries()) {
      const seed = seeds.get(name) ?? seedOf(name);
      used.set(name, seed);
      this.#high[i] = seed.high;
      this.#low[i] = seed.low;
    }
    seeds.clear();
    for (const [name, seed] of used) seeds.set(name, seed);
  }

  // The hot loop: `scoreOf`, inline, as signed integers in the same order. Of equal scores the first name wins.
  #highest(key: Hash64): number {
    const high = this.#high;
    const low = this.#low;
    const keyHigh = key.high | 0;
    const keyLow = key.low | 0;
    let index = 0;
    let highest = -0x80000000 | 0;
    for (let i = 0; i < high.length; i++) {
      let value = (high[i] as number) ^ keyHigh;
      value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
      value ^= (value >>> 15) ^ (low[i] as number) ^ keyLow;
      value = Math.imul(value, 0x846ca68b);
      const score = value ^ (value >>> 16) ^ 0x80000000;
      if (score > highest) {
        highest = score;
        index = i;
      }
    }
    return index;
  }

  // As `#highest`, with a logarithm for the few members that can win. The members come by weight, so the first of a block
  // tells how high a score must be for any of the block.
  #heaviest(key: Hash64): number {
    const high = this.#high;
    const low = this.#low;
    const weights = this.#weights;
    const keyHigh = key.high | 0;
    const keyLow = key.low | 0;
    const { length } = high;
    let best = 0;
    let bestScore = -1;
    for (let start = 0; start < length; start += blockSize) {
      const end = Math.min(length, start + blockSize);
      const most = weights[start] as number;
      let least = leastScore(most, bestScore);
      for (let i = start; i < end; i++) {
        let value = (high[i] as number) ^ keyHigh;
        value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
        value ^= (value >>> 15) ^ (low[i] as number) ^ keyLow;
        value = Math.imul(value, 0x846ca68b);
        value ^= value >>> 16;
        if ((value ^ 0x80000000) < least) continue;
        const weighted = (weights[i] as number) / negativeLog(value >>> 0);
        if (weighted < bestScore) continue;
        if (weighted === bestScore && this.#rank(best) < this.#rank(i)) continue;
        best = i;
        bestScore = weighted;
        least = leastScore(most, bestScore);
      }
    }
    return best;
  }

  #scoresFor(key: Hash64): Float64Array {
    const weights = this.#weights;
    const { length } = weights;
    if (this.#scratch.scores.length < length) this.#scratch.scores = new Float64Array(length);
    const { scores } = this.#scratch;
    for (let i = 0; i < length; i++) {
      const score = scoreOf(this.#high[i] as number, this.#low[i] as number, key);
      scores[i] = this.#isWeighted ? (weights[i] as number) / negativeLog(score) : score;
    }
    return scores;
  }

  #isBefore(scores: Float64Array, a: number, b: number): boolean {
    const difference = (scores[a] as number) - (scores[b] as number);
    return difference > 0 || (difference === 0 && this.#rank(a) < this.#rank(b));
  }

  #rank(index: number): number {
    return this.#ranks[index] as number;
  }
}

/** How many members share one bound of `#heaviest`. */
const blockSize = 64;

/**
 * A score that a member of at most this weight must reach to win, as a signed integer: −ln u is at least 1 − u, so below it
 * the logarithm need not be computed. Slightly lower than necessary, because of rounding.
 */
function leastScore(weight: number, bestScore: number): number {
  if (bestScore <= 0) return -0x80000000;
  const least = (1 - (weight / bestScore) * (1 + 1e-9)) * 2 ** 32 - 2 ** 31 - 2;
  return Math.max(-0x80000000, Math.floor(least)) | 0;
}
