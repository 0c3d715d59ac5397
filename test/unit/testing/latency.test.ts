/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { drawLatency, type Latency } from '../../../src/testing/latency.js';
import { SeededRandom } from '../../../src/testing/index.js';

function draws(latency: Latency, count = 20_000): number[] {
  const draw = drawLatency(latency);
  const random = new SeededRandom('latency');
  return Array.from({ length: count }, () => draw(random)).sort((a, b) => a - b);
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.floor(q * sorted.length)]!;

suite('latency', () => {
  test('a number is always the same, and draws nothing', () => {
    const random = { next: () => assert.fail('nothing is left to chance') };
    assert.equal(drawLatency(5)(random), 5);
    assert.equal(drawLatency({ min: 3, max: 3 })(random), 3);
  });

  test('a range is uniform', () => {
    const drawn = draws({ min: 10, max: 20 });
    assert.ok(drawn[0]! >= 10 && drawn.at(-1)! < 20);
    for (const q of [0.1, 0.5, 0.9]) {
      assert.ok(Math.abs(quantile(drawn, q) - (10 + 10 * q)) < 0.3, `quantile ${q}`);
    }
  });

  test('a median has a long tail: 3 times for 1 in 10, 10 times for 1 in 100', () => {
    const drawn = draws({ median: 10 });
    for (const [q, expected] of [
      [0.1, 10 / 3],
      [0.5, 10],
      [0.9, 30],
      [0.99, 99.5],
    ] as const) {
      const ratio = quantile(drawn, q) / expected;
      assert.ok(ratio > 0.9 && ratio < 1.1, `quantile ${q}: ${quantile(drawn, q)}`);
    }
    assert.ok(drawn.at(-1)! <= 1_000);
  });

  test('a tail is cut off at both ends', () => {
    const drawn = draws({ median: 10, min: 8, max: 15 });
    assert.deepEqual([drawn[0], drawn.at(-1)], [8, 15]);
    assert.ok(Math.abs(quantile(drawn, 0.5) - 10) < 0.3);
  });

  test('a function draws from the random numbers that it is given', () => {
    const random = new SeededRandom(1);
    assert.equal(
      drawLatency((source) => 2 * source.next())(random),
      2 * new SeededRandom(1).next(),
    );
    for (const nonsense of [-1, NaN]) assert.equal(drawLatency(() => nonsense)(random), 0);
  });

  test('what cannot be is refused', () => {
    for (const latency of [
      -1,
      NaN,
      Infinity,
      { min: 2, max: 1 },
      { min: -1, max: 1 },
      { median: NaN },
      { median: Infinity },
      { median: 5, min: 6 },
      { median: 5, max: 4 },
    ]) {
      assert.throws(() => drawLatency(latency), RangeError, JSON.stringify(latency));
    }
  });
});
