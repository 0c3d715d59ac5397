/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The logarithm of the weighted scores. ECMAScript leaves the precision of `Math.log` to the engine, and two nodes that
// round differently would have two owners for one key. Addition, multiplication and division are exact by IEEE 754.

const ln2 = 0.6931471805599453;
const sqrt2 = 1.4142135623730951;
/** 2 to the power of 1 − i. */
const powers = Float64Array.from({ length: 33 }, (_, i) => 2 / 2 ** i);
/** 1 / 19, 1 / 17 … 1 / 1. */
const coefficients = Float64Array.from({ length: 10 }, (_, i) => 1 / (19 - 2 * i));

/**
 * −ln((score + ½) / 2³²): positive, smaller for a higher score.
 *
 * @param score - 0 to 2³² − 1
 */
export function negativeLog(score: number): number {
  const exponent = score === 0 ? -1 : 31 - Math.clz32(score);
  // From 1 (inclusive) to 2, then from √½ to √2, where the series converges fast.
  let mantissa = (score + 0.5) * (powers[exponent + 1] as number);
  let power = exponent - 32;
  if (mantissa > sqrt2) {
    mantissa /= 2;
    power++;
  }
  // ln m = 2 artanh((m − 1) / (m + 1)), and the argument is at most 0.1716.
  const x = (mantissa - 1) / (mantissa + 1);
  const y = x * x;
  let sum = 0;
  for (const coefficient of coefficients) sum = sum * y + coefficient;
  return -(power * ln2 + 2 * x * sum);
}
