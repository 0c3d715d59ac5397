/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  quantile,
  quantileOfAll,
  ratioOfSums,
  rising,
  type Share,
  sum,
} from '../../../experiments/statistics.js';
import { SeededRandom } from '../../../src/testing/index.js';

const drawing = { seed: 'test' };

suite('quantiles', () => {
  test('are numbers of the sample, by nearest rank', () => {
    const hundred = rising(Array.from({ length: 100 }, (_, index) => 100 - index));
    assert.equal(quantile(hundred, 0.5), 50);
    assert.equal(quantile(hundred, 0.99), 99);
    assert.equal(quantile(hundred, 0.999), 100);
    assert.equal(quantile(hundred, 0), 1);
    assert.equal(quantile(hundred, 1), 100);
    assert.equal(quantile([1, 2, 3], 0.5), 2);
  });

  test('are not there where there are no numbers', () => {
    assert.equal(quantile([], 0.5), null);
    assert.deepEqual(quantileOfAll([], 0.5, drawing), { value: null, low: null, high: null });
  });

  test('of all clusters together are those of their numbers', () => {
    const clusters = [[5, 1], [], [4, 2, 3]];
    assert.equal(quantileOfAll(clusters, 0.5, { ...drawing, resamples: 1 }).value, 3);
    assert.equal(quantileOfAll(clusters, 1, { ...drawing, resamples: 1 }).value, 5);
  });

  test('of clusters that are all alike have no width', () => {
    const clusters = Array.from({ length: 20 }, () => [1, 2, 9]);
    assert.deepEqual(quantileOfAll(clusters, 0.5, drawing), { value: 2, low: 2, high: 2 });
  });
});

suite('ratios of sums', () => {
  test('weigh clusters by their denominators', () => {
    assert.equal(ratioOfSums([[1, 1], [1, 9]], drawing).value, 0.2); // prettier-ignore
  });

  test('of clusters that are all alike have no width', () => {
    const shares = Array.from({ length: 30 }, (): Share => [3, 4]);
    assert.deepEqual(ratioOfSums(shares, drawing), { value: 0.75, low: 0.75, high: 0.75 });
  });

  test('have the width that theory predicts', () => {
    // Ones and zeros in equal number: the standard error is 0.5 / sqrt(400).
    const shares = Array.from({ length: 400 }, (_, index): Share => [index % 2, 1]);
    const { value, low, high } = ratioOfSums(shares, drawing);
    assert.equal(value, 0.5);
    assert.ok(Math.abs(low! - (0.5 - 1.96 * 0.025)) < 0.005, `${low}`);
    assert.ok(Math.abs(high! - (0.5 + 1.96 * 0.025)) < 0.005, `${high}`);
  });

  test('hold the truth in about 95 of 100 samples', () => {
    const random = new SeededRandom('samples');
    let held = 0;
    for (let sample = 0; sample < 200; sample++) {
      const shares = Array.from({ length: 60 }, (): Share => {
        const size = 1 + Math.floor(random.next() * 9);
        return [2 * size * random.next(), size];
      });
      const { low, high } = ratioOfSums(shares, { seed: `${sample}`, resamples: 400 });
      if (low! <= 1 && high! >= 1) held++;
    }
    assert.ok(held >= 180 && held <= 199, `${held} of 200`);
  });

  test('are narrow where both sums go up and down together', () => {
    const random = new SeededRandom('pairs');
    const shares = Array.from({ length: 50 }, (): Share => {
      const baseline = 1_000 * random.next() ** 4;
      return [baseline / 2, baseline];
    });
    const { low, high } = ratioOfSums(shares, drawing);
    assert.ok(high! - low! < 1e-9);
  });

  test('have no interval where a resample may have nothing below the line', () => {
    const few: Share[] = [[1, 5], [0, 0], [0, 0]]; // prettier-ignore
    assert.deepEqual(ratioOfSums(few, drawing), { value: 0.2, low: null, high: null });
    assert.equal(ratioOfSums([[0, 0]], drawing).value, null);
    assert.deepEqual(ratioOfSums([[1, 2]], drawing), { value: 0.5, low: null, high: null });
  });

  test('of no event have an upper end above zero', () => {
    const shares = Array.from({ length: 10 }, (): Share => [0, 10]);
    assert.deepEqual(ratioOfSums(shares, drawing), { value: 0, low: 0, high: 0 });
    assert.equal(ratioOfSums(shares, { ...drawing, perEvent: 100 }).high, 3.69);
  });

  test('are decided by the seed', () => {
    const shares = Array.from({ length: 40 }, (_, index): Share => [index % 7, 3]);
    assert.deepEqual(ratioOfSums(shares, drawing), ratioOfSums(shares, drawing));
    assert.notDeepEqual(ratioOfSums(shares, drawing), ratioOfSums(shares, { seed: 'other' }));
  });
});

test('the sum of nothing is zero', () => {
  assert.equal(sum([]), 0);
  assert.equal(sum(new Set([1, 2.5])), 3.5);
});
