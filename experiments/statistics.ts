/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the reports calculate with. Intervals are those of the percentile bootstrap over clusters:
// runs of one cell are alike, so whole cells are drawn, never single runs. A seed decides the draws;
// the same data give the same interval.

import { SeededRandom } from '../src/testing/index.js';

/** A figure with the ends of its 95 % interval; null where the data do not decide it. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** What one cluster adds to the two sums of a ratio. */
export type Share = readonly [numerator: number, denominator: number];

/** How a bootstrap draws. */
export interface Drawing {
  readonly seed: string;
  /** How often it draws. */
  readonly resamples?: number | undefined;
}

const defaultResamples = 2_000;
const tail = 0.025;

/** The sum of some numbers. */
export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Numbers in rising order. */
export function rising(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

/**
 * The smallest of some rising numbers that has the given share of them at it or below it (the
 * nearest rank, so always one of the numbers); null of none.
 */
export function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, rank(share, sorted.length) - 1)] ?? null;
}

/**
 * So many events may have been expected where none was seen: the upper end of the 95 % interval of a
 * Poisson distribution. Of nothing but zeros a bootstrap draws nothing but zeros.
 */
const expectedOfNone = 3.69;

/**
 * The sum of the numerators by the sum of the denominators. Where the numerators count events, say
 * what one adds to them: then the interval of no event at all has an upper end above zero.
 */
export function ratioOfSums(
  shares: readonly Share[],
  drawing: Drawing & { readonly perEvent?: number | undefined },
): Estimate {
  // Typed, and no iterators: this is where a report spends its time.
  const numerators = Float64Array.from(shares, ([numerator]) => numerator);
  const denominators = Float64Array.from(shares, ([, denominator]) => denominator);
  const ratio = (weights?: ArrayLike<number>): number | null => {
    let above = 0;
    let below = 0;
    for (let index = 0; index < shares.length; index++) {
      const weight = weights?.[index] ?? 1;
      above += weight * (numerators[index] ?? 0);
      below += weight * (denominators[index] ?? 0);
    }
    return below === 0 ? null : above / below;
  };
  const found = estimate(ratio, shares.length, drawing);
  if (found.value !== 0 || found.high === null || drawing.perEvent === undefined) return found;
  return { ...found, high: (expectedOfNone * drawing.perEvent) / sum(denominators) };
}

/** A quantile of what all clusters have together. */
export function quantileOfAll(
  clusters: readonly (readonly number[])[],
  share: number,
  drawing: Drawing,
): Estimate {
  const sorted = clusters
    .flatMap((values, index) => values.map((value) => ({ value, index })))
    .sort((a, b) => a.value - b.value);
  const weighted = (weights?: ArrayLike<number>): number | null => {
    const weightOf = (index: number): number => weights?.[index] ?? 1;
    const wanted = rank(share, sum(sorted.map(({ index }) => weightOf(index))));
    let passed = 0;
    for (const { value, index } of sorted) {
      passed += weightOf(index);
      if (passed >= wanted && passed > 0) return value;
    }
    return null;
  };
  return estimate(weighted, clusters.length, drawing);
}

/**
 * A figure, and the interval of it. One resample in which there is no such figure, or fewer than
 * two clusters, and nothing can be said about the interval.
 */
function estimate(
  figureOf: (weights?: ArrayLike<number>) => number | null,
  clusters: number,
  { seed, resamples = defaultResamples }: Drawing,
): Estimate {
  const value = figureOf();
  const unknown = { value, low: null, high: null };
  if (value === null || clusters < 2) return unknown;
  const figures: number[] = [];
  for (const weights of drawn(clusters, seed, resamples)) {
    const figure = figureOf(weights);
    if (figure === null) return unknown;
    figures.push(figure);
  }
  const sorted = rising(figures);
  return { value, low: quantile(sorted, tail), high: quantile(sorted, 1 - tail) };
}

/** Draws that were made before: a report has many figures of the same clusters. */
const known = new Map<string, readonly Uint16Array[]>();

/** How often each cluster is drawn, in each resample; as many are drawn as there are. */
function drawn(clusters: number, seed: string, resamples: number): readonly Uint16Array[] {
  const name = `${clusters} ${resamples} ${seed}`;
  const before = known.get(name);
  if (before !== undefined) return before;
  const random = new SeededRandom(seed);
  const all = Array.from({ length: resamples }, () => {
    const weights = new Uint16Array(clusters);
    for (let draw = 0; draw < clusters; draw++) {
      const index = Math.floor(random.next() * clusters);
      weights[index] = (weights[index] ?? 0) + 1;
    }
    return weights;
  });
  known.set(name, all);
  return all;
}

/** Which number, counted from one, has the share at it or below it. */
function rank(share: number, count: number): number {
  return Math.ceil(share * count - 1e-9);
}
