/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A table full of made-up members does not hide the failure of a real one.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { play, type Forgery } from './forged/attack.js';
import { playClaims, type Claims } from './forged/starve.js';

async function compare(forgery: Forgery): Promise<void> {
  const usual = await play({ ...forgery, forged: 0 });
  const attacked = await play(forgery);
  const words = `found after ${attacked.foundAfterMs} ms, without made-up members ${usual.foundAfterMs} ms`;
  assert.ok(attacked.foundAfterMs <= 3 * usual.foundAfterMs, words);
  assert.equal(attacked.falsePositives, 0);
}

type Form = Omit<Claims, 'seed' | 'nodes'>;

async function findTimes(form: Form): Promise<number[]> {
  const times: number[] = [];
  for (const seed of [1, 2, 3]) {
    const outcome = await playClaims({ ...form, seed, nodes: 5 });
    assert.equal(outcome.falsePositives, 0);
    times.push(outcome.foundAfterMs);
  }
  return times;
}

suite('a steady rate of alive claims for new names', () => {
  const usual = findTimes({ answers: false, perSecond: 0, attackMs: 10_000 });

  const places: [string, Pick<Form, 'answers' | 'addressEach'>][] = [
    ['at one address that does not answer', { answers: false }],
    ['at one address that answers for all of them', { answers: true }],
    ['at an address each, where nothing answers', { answers: false, addressEach: true }],
  ];
  const rates = [
    { perSecond: 1, attackMs: 10_000 },
    { perSecond: 1, attackMs: 60_000 },
    { perSecond: 20, attackMs: 10_000 },
  ];
  for (const [where, place] of places) {
    for (const rate of rates) {
      const what = `${rate.perSecond} a second for ${rate.attackMs / 1_000} s ${where}`;
      test(`${what}: a killed member is found within three times the usual time`, async () => {
        const attacked = await findTimes({ ...place, ...rate });
        const mean = (await usual).reduce((sum, ms) => sum + ms / 3, 0);
        const words = `found after ${attacked.join()} ms; the usual time is ${mean} ms`;
        assert.ok(Math.max(...attacked) <= 3 * mean, words);
      });
    }
  }
});

suite('made-up members', () => {
  for (const seed of [1, 2]) {
    test(`20,000 of them: a killed member is found within three times the usual time (seed ${seed})`, () =>
      compare({ seed, nodes: 6, forged: 20_000 }));
  }

  test('so it is with 20,000 at one address', () =>
    compare({ seed: 3, nodes: 6, forged: 20_000, sharesAddress: true }));
});
