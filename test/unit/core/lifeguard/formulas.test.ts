/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  confirmationsWanted,
  pushPullScale,
  retransmitLimit,
  suspicionMinMs,
  suspicionTimeoutMs,
} from '../../../../src/core/lifeguard/formulas.js';

test('a broadcast is sent retransmitMult × ⌈log10(n + 1)⌉ times', () => {
  const limits = [0, 1, 9, 10, 99, 100, 999, 1000].map((n) => retransmitLimit(4, n));
  assert.deepEqual(limits, [0, 4, 4, 8, 8, 12, 12, 16]);
  assert.equal(retransmitLimit(2, 99), 4);
});

test('the minimum suspicion timeout does not shrink below ten members', () => {
  for (const members of [0, 1, 2, 10]) assert.equal(suspicionMinMs(4, members, 1000), 4000);
});

test('the minimum suspicion timeout grows with the logarithm of the cluster size', () => {
  assert.equal(suspicionMinMs(4, 100, 1000), 8000);
  assert.equal(suspicionMinMs(4, 1000, 1000), 12_000);
  assert.equal(Math.round(suspicionMinMs(4, 20, 1000)), 5204);
});

test('the minimum suspicion timeout grows with the multiplier and the probe interval', () => {
  assert.equal(suspicionMinMs(6, 1, 5000), 30_000);
});

test('suspicionMult − 2 confirmations are wanted', () => {
  assert.equal(confirmationsWanted(4, 100), 2);
  assert.equal(confirmationsWanted(6, 100), 4);
  assert.equal(confirmationsWanted(2, 100), 0);
  assert.equal(confirmationsWanted(1, 100), 0);
});

test('no confirmations are wanted if there are not enough other members', () => {
  assert.equal(confirmationsWanted(4, 4), 2);
  assert.equal(confirmationsWanted(4, 3), 0);
  assert.equal(confirmationsWanted(6, 6), 4);
  assert.equal(confirmationsWanted(6, 5), 0);
  assert.equal(confirmationsWanted(4, 1), 0);
});

test('a suspicion lasts max without confirmations and min with all of them', () => {
  assert.equal(suspicionTimeoutMs(0, 2, 4000, 24_000), 24_000);
  assert.equal(suspicionTimeoutMs(2, 2, 4000, 24_000), 4000);
});

test('a suspicion lasts min if no confirmations are wanted', () => {
  assert.equal(suspicionTimeoutMs(0, 0, 4000, 24_000), 4000);
});

test('each confirmation shortens a suspicion logarithmically, rounded down to a millisecond', () => {
  // The table of Go memberlist's suspicion_test.go: k = 3, min 2 s, max 30 s.
  const timeouts = [0, 1, 2, 3].map((count) => suspicionTimeoutMs(count, 3, 2000, 30_000));
  assert.deepEqual(timeouts, [30_000, 16_000, 7810, 2000]);
  assert.equal(suspicionTimeoutMs(1, 2, 4000, 24_000), 11_381);
});

test('rounding down does not reduce a suspicion below min', () => {
  const minMs = suspicionMinMs(4, 20, 1000);
  assert.equal(Number.isInteger(minMs), false);
  assert.equal(suspicionTimeoutMs(2, 2, minMs, 6 * minMs), minMs);
  assert.equal(suspicionTimeoutMs(0, 2, minMs, 6 * minMs), Math.floor(6 * minMs));
});

test('push/pull gets rarer above 32 members, by one more interval with each doubling', () => {
  const scales = [1, 32, 33, 64, 65, 128, 129, 1024].map(pushPullScale);
  assert.deepEqual(scales, [1, 1, 2, 2, 3, 3, 4, 6]);
});
