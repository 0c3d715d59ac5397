/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a few rounds of a figure come to.

/** The middle of some numbers; of an even count the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const rising = [...values].sort((a, b) => a - b);
  const half = rising.length / 2;
  const upper = rising[Math.floor(half)] ?? NaN;
  const lower = rising[Math.ceil(half) - 1] ?? NaN;
  return (lower + upper) / 2;
}

/** The smallest and the largest of some numbers. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Infinite and the wrong way round of none. */
export function rangeOf(values: readonly number[]): Range {
  return { least: Math.min(...values), most: Math.max(...values) };
}

/** Each of some numbers by the one of the same round; rounds that one side does not have are left out. */
export function ratios(ours: readonly number[], others: readonly number[]): number[] {
  return ours.slice(0, others.length).map((value, round) => value / (others[round] ?? NaN));
}
