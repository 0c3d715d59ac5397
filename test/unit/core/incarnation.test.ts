/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { incarnationAbove, isNewer, isOlder, nextNumber } from '../../../src/core/incarnation.js';

const LARGEST = 2 ** 32 - 1;
const WINDOW = 2 ** 24;

test('the number after the largest is 0', () => {
  assert.equal(nextNumber(0), 1);
  assert.equal(nextNumber(2 ** 31 - 1), 2 ** 31);
  assert.equal(nextNumber(LARGEST - 1), LARGEST);
  assert.equal(nextNumber(LARGEST), 0);
});

test('away from the ends of the range incarnations compare as plain numbers', () => {
  for (const [lower, higher] of [
    [0, 1],
    [1, 2 ** 31],
    [2 ** 31 - 1, 2 ** 31],
    [WINDOW, LARGEST],
    [0, LARGEST - WINDOW],
    [LARGEST - 1, LARGEST],
  ] as const) {
    assert.equal(isNewer(higher, lower), true, `${higher} is newer than ${lower}`);
    assert.equal(isNewer(lower, higher), false, `${lower} is not newer than ${higher}`);
    assert.equal(isOlder(lower, higher), true, `${lower} is older than ${higher}`);
    assert.equal(isOlder(higher, lower), false, `${higher} is not older than ${lower}`);
  }
});

test('an incarnation is neither newer nor older than itself', () => {
  for (const value of [0, 1, WINDOW, 2 ** 31, LARGEST]) {
    assert.equal(isNewer(value, value), false);
    assert.equal(isOlder(value, value), false);
  }
});

test('a small number is newer than one near the end of the range, because it has wrapped', () => {
  for (const [before, after] of [
    [LARGEST, 0],
    [LARGEST, WINDOW - 1],
    [LARGEST - WINDOW + 1, 0],
    [LARGEST - WINDOW + 1, WINDOW - 1],
  ] as const) {
    assert.equal(isNewer(after, before), true, `${after} is newer than ${before}`);
    assert.equal(isOlder(before, after), true, `${before} is older than ${after}`);
    assert.equal(isNewer(before, after), false, `${before} is not newer than ${after}`);
    assert.equal(isOlder(after, before), false, `${after} is not older than ${before}`);
  }
});

test('a refutation is above the claim and above our own incarnation', () => {
  assert.equal(incarnationAbove(1, 1), 2);
  assert.equal(incarnationAbove(1, 7), 8);
  assert.equal(incarnationAbove(9, 7), 10);
});

test('a refutation of the largest incarnation wraps to 0, and the next one to 1', () => {
  assert.equal(incarnationAbove(3_000_000_000, LARGEST), 0);
  assert.equal(incarnationAbove(LARGEST, LARGEST), 0);
  assert.equal(incarnationAbove(0, LARGEST), 1);
});

test('a refutation is newer than the refuted claim everywhere in the range', () => {
  const numbers = [0, 1, WINDOW - 1, WINDOW, 2 ** 31, LARGEST - WINDOW, LARGEST - 1, LARGEST];
  for (const own of numbers) {
    for (const claimed of numbers.filter((number) => !isOlder(number, own))) {
      const above = incarnationAbove(own, claimed);
      assert.equal(isNewer(above, claimed), true, `${above} is newer than the claimed ${claimed}`);
    }
  }
});

test('a refutation of an earlier claim is above our own incarnation', () => {
  for (const own of [1, WINDOW, 2 ** 31, LARGEST]) {
    assert.equal(incarnationAbove(own, own - 1), nextNumber(own));
  }
});
