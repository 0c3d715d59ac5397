/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Statistics of a few rounds.

/** The median; for an even count the mean of the two middle values. NaN for an empty list. */
export function median(values: readonly number[]): number {
  const rising = [...values].sort((a, b) => a - b);
  const half = rising.length / 2;
  const upper = rising[Math.floor(half)] ?? NaN;
  const lower = rising[Math.ceil(half) - 1] ?? NaN;
  return (lower + upper) / 2;
}

/** The minimum and the maximum. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Infinite and inverted for an empty list. */
export function rangeOf(values: readonly number[]): Range {
  return { least: Math.min(...values), most: Math.max(...values) };
}

/** The ratios round by round; rounds that one side does not have are omitted. */
export function ratios(ours: readonly number[], others: readonly number[]): number[] {
  return ours.slice(0, others.length).map((value, round) => value / (others[round] ?? NaN));
}

/** The nearest-rank percentile: the smallest value that at least `percent` % do not exceed. NaN for an empty list. */
export function percentile(values: ArrayLike<number>, percent: number): number {
  const rising = Float64Array.from(values).sort();
  return rising[Math.max(0, Math.ceil((percent / 100) * rising.length) - 1)] ?? NaN;
}
