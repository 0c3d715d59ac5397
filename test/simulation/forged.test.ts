/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A table full of made-up members does not hide the failure of a real one.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { play, type Forgery } from './forged/attack.js';

async function compare(forgery: Forgery): Promise<void> {
  const usual = await play({ ...forgery, forged: 0 });
  const attacked = await play(forgery);
  const words = `found after ${attacked.foundAfterMs} ms, without made-up members ${usual.foundAfterMs} ms`;
  assert.ok(attacked.foundAfterMs <= 3 * usual.foundAfterMs, words);
  assert.equal(attacked.falsePositives, 0);
}

suite('made-up members', () => {
  for (const seed of [1, 2]) {
    test(`20,000 of them: a killed member is found within three times the usual time (seed ${seed})`, () =>
      compare({ seed, nodes: 6, forged: 20_000 }));
  }

  test('so it is with 20,000 at one address', () =>
    compare({ seed: 3, nodes: 6, forged: 20_000, sharesAddress: true }));
});
