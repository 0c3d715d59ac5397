/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The statistics of the reports. Intervals are those of the percentile bootstrap over clusters: runs of one cell are
// similar, so whole cells are drawn, never single runs. A seed determines the draws; the same data give the same
// interval.

import { SeededRandom } from '../src/testing/index.js';

/** A figure with its 95 % interval; null if the data do not determine it. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** What one cluster adds to the two sums of a ratio. */
export type Share = readonly [numerator: number, denominator: number];

/** The parameters of a bootstrap. */
export interface Drawing {
  readonly seed: string;
  /** The number of resamples. */
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

/** Numbers in ascending order. */
export function rising(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

/**
 * The smallest of some sorted numbers that has at least the given fraction of them at or below it (the
 * nearest rank, so always one of the numbers); null for an empty list.
 */
export function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, rank(share, sorted.length) - 1)] ?? null;
}

/**
 * The number of events that may have been expected if none was observed: the upper end of the 95 % interval of a
 * Poisson distribution. From zeros only, a bootstrap draws only zeros.
 */
const expectedOfNone = 3.69;

/**
 * The sum of the numerators divided by the sum of the denominators. If the numerators count events, `perEvent` is what
 * one event adds to them: then the interval for zero events has an upper end above zero.
 */
export function ratioOfSums(
  shares: readonly Share[],
  drawing: Drawing & { readonly perEvent?: number | undefined },
): Estimate {
  // Typed arrays without iterators: a report spends most of its time here.
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

/** A quantile of the values of all clusters together. */
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
 * A figure with its interval. There is no interval if the figure is undefined in one resample, or with fewer than two
 * clusters.
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

/** Cached draws: a report has many figures of the same clusters. */
const known = new Map<string, readonly Uint16Array[]>();

/** How often each cluster is drawn, in each resample; the number of draws is the number of clusters. */
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

/** The rank, counted from one, of the number with the fraction at or below it. */
function rank(share: number, count: number): number {
  return Math.ceil(share * count - 1e-9);
}
