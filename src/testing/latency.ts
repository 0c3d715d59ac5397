/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The latency of a link. Uses only operations that IEEE 754 rounds exactly (no exp, no log), so that a seed
// gives the same delays on every machine.

import type { Random } from '../core/ports.js';

/**
 * The time that data takes to arrive, in milliseconds:
 *
 * - a number: constant;
 * - `{ min, max }`: uniform in this range;
 * - `{ median, min?, max? }`: long-tailed. Half of all delays are below the median, 90 % below 3 times,
 *   99 % below 10 times, 99.9 % below 32 times the median (log-logistic, shape 2), limited to `max`, by
 *   default 100 times the median;
 * - a function that draws one delay. It should take its randomness only from its argument. A negative result or
 *   NaN counts as 0.
 */
export type Latency =
  | number
  | { readonly min: number; readonly max: number }
  | {
      readonly median: number;
      readonly min?: number | undefined;
      readonly max?: number | undefined;
    }
  | ((random: Random) => number);

/** Draws one delay, in milliseconds. */
export type DrawLatency = (random: Random) => number;

/**
 * A function that draws delays of this kind.
 *
 * @throws RangeError if a bound is negative, infinite or NaN, or min > max
 */
export function drawLatency(latency: Latency): DrawLatency {
  if (typeof latency === 'function') {
    return (random) => {
      const delay = latency(random);
      return delay > 0 ? delay : 0;
    };
  }
  if (typeof latency === 'number') return uniform(latency, latency);
  if (!('median' in latency)) return uniform(latency.min, latency.max);
  const { median, min = 0, max = 100 * median } = latency;
  checkRange(min, max);
  if (!(median >= min && median <= max)) {
    throw new RangeError(`the median latency must be from ${min} to ${max}, not ${median}`);
  }
  return (random) => {
    const u = random.next();
    return Math.min(max, Math.max(min, median * Math.sqrt(u / (1 - u))));
  };
}

function uniform(min: number, max: number): DrawLatency {
  checkRange(min, max);
  return max > min ? (random) => min + (max - min) * random.next() : () => min;
}

function checkRange(min: number, max: number): void {
  if (min >= 0 && max >= min && max < Infinity) return;
  throw new RangeError(`latency must be 0 ms or more, with min ≤ max; not ${min} to ${max}`);
}
