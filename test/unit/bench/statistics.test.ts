/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, percentile, rangeOf, ratios } from '../../../bench/statistics.js';

test('the median is the middle one, or the mean of the two in the middle', () => {
  assert.equal(median([30, 10, 20]), 20);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test('the median leaves the order of the rounds alone', () => {
  const values = [3, 1, 2];
  median(values);
  assert.deepEqual(values, [3, 1, 2]);
});

test('a range has both ends', () => {
  assert.deepEqual(rangeOf([3, 1, 2]), { least: 1, most: 3 });
});

test('ratios are taken round by round', () => {
  assert.deepEqual(ratios([10, 30], [20, 10]), [0.5, 3]);
});

test('a round that one side does not have gives no ratio', () => {
  assert.deepEqual(ratios([10, 30], [20]), [0.5]);
  assert.deepEqual(ratios([10], [20, 30]), [0.5]);
});

test('a percentile is a value of the list that so many do not exceed', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  assert.equal(percentile(values, 50), 100);
  assert.equal(percentile(values, 99), 198);
  assert.equal(percentile(values, 100), 200);
  assert.equal(percentile([7], 99), 7);
  assert.equal(values[0], 200, 'the order stays');
  assert.ok(Number.isNaN(percentile([], 50)));
});
