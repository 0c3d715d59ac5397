/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Figures with intervals, in addition to the bootstrap, and a straight line through points.

import { sum, type Estimate } from '../statistics.js';

/** The standard normal deviate of a two-sided interval of 95 %. */
const deviate95 = 1.959964;
/**
 * For an interval that is one of nine: all nine contain the true values in 95 % of all experiments
 * (Bonferroni: 1 − 0.05 / 9 each).
 */
export const deviateOfNine = 2.772921;

/** A mean, with the interval of the normal approximation. */
export function meanOf(values: readonly number[]): Estimate {
  const { length } = values;
  if (length === 0) return { value: null, low: null, high: null };
  const value = sum(values) / length;
  if (length === 1) return { value, low: null, high: null };
  const variance = sum(values.map((each) => (each - value) ** 2)) / (length - 1);
  const half = deviate95 * Math.sqrt(variance / length);
  return { value, low: value - half, high: value + half };
}

/** A fraction of independent trials, with Wilson's interval, which is valid for rare events, too. */
export function shareOf(successes: number, trials: number, deviate = deviate95): Estimate {
  if (trials === 0) return { value: null, low: null, high: null };
  const value = successes / trials;
  const square = deviate ** 2;
  const middle = (value + square / (2 * trials)) / (1 + square / trials);
  const half =
    (deviate * Math.sqrt((value * (1 - value)) / trials + square / (4 * trials ** 2))) /
    (1 + square / trials);
  return { value, low: successes === 0 ? 0 : middle - half, high: middle + half };
}

/** y = intercept + slope · x, and the explained fraction of the variance of y. */
export interface Line {
  readonly slope: number;
  readonly intercept: number;
  /** The coefficient of determination, R². */
  readonly linearity: number;
}

/** The line of least squares; undefined for fewer than three points or all at one x. */
export function lineThrough(points: readonly (readonly [number, number])[]): Line | undefined {
  const { length } = points;
  const mean = (values: readonly number[]): number => sum(values) / length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const spreadX = sum(points.map(([x]) => (x - meanX) ** 2));
  if (length < 3 || spreadX === 0) return undefined;
  const slope = sum(points.map(([x, y]) => (x - meanX) * (y - meanY))) / spreadX;
  const intercept = meanY - slope * meanX;
  const left = sum(points.map(([x, y]) => (y - intercept - slope * x) ** 2));
  const spreadY = sum(points.map(([, y]) => (y - meanY) ** 2));
  return { slope, intercept, linearity: spreadY === 0 ? 1 : 1 - left / spreadY };
}
