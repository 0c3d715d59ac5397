/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket } from '../../../src/exchange/token-bucket.js';
import { VirtualClock } from '../../../src/testing/index.js';

function taken(bucket: TokenBucket, tries: number): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (bucket.take()) count++;
  return count;
}

test('allows a burst, then one event in each interval, and never more than the burst', () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket({ clock }, { size: 3, refillMs: 10 });
  assert.equal(taken(bucket, 10), 3);
  clock.advance(9);
  assert.equal(taken(bucket, 10), 0);
  clock.advance(1);
  assert.equal(taken(bucket, 10), 1);
  clock.advance(25);
  assert.equal(taken(bucket, 10), 2);
  clock.advance(5);
  assert.equal(taken(bucket, 10), 1, 'part of an interval is not lost');
  clock.advance(1_000);
  assert.equal(taken(bucket, 10), 3);
});
