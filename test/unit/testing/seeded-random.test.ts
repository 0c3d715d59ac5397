/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SeededRandom } from '../../../src/testing/seeded-random.js';

function draw(random: SeededRandom, count: number): number[] {
  return Array.from({ length: count }, () => random.next());
}

suite('SeededRandom', () => {
  test('the same seed gives the same numbers, another seed others', () => {
    assert.deepEqual(draw(new SeededRandom(7), 100), draw(new SeededRandom(7), 100));
    assert.notDeepEqual(draw(new SeededRandom(7), 5), draw(new SeededRandom(8), 5));
    assert.notDeepEqual(draw(new SeededRandom('a'), 5), draw(new SeededRandom('b'), 5));
    assert.notDeepEqual(draw(new SeededRandom('\u0100'), 5), draw(new SeededRandom('\u0001'), 5));
  });

  test('a number and its text are the same seed', () => {
    assert.deepEqual(draw(new SeededRandom(7), 5), draw(new SeededRandom('7'), 5));
  });

  test('the numbers of a seed are the same on every machine and in every release', () => {
    const bits = draw(new SeededRandom(1), 4).map((value) => value * 2 ** 32);
    assert.deepEqual(bits, [3288389235, 2850442004, 3356062134, 1208484303]);
  });

  test('numbers are uniform in [0, 1)', () => {
    const counts = new Array<number>(16).fill(0);
    for (const value of draw(new SeededRandom('uniform'), 160_000)) {
      assert.ok(value >= 0 && value < 1);
      counts[Math.floor(value * 16)]!++;
    }
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, `${count} of 10,000`);
  });

  test('neighboring seeds give different numbers', () => {
    const firsts = Array.from({ length: 10_000 }, (_, seed) => new SeededRandom(seed).next());
    const mean = firsts.reduce((sum, value) => sum + value, 0) / firsts.length;
    assert.ok(Math.abs(mean - 0.5) < 0.02);
    assert.equal(new Set(firsts).size > 9_990, true);
  });

  test('a fork is decided by seed and label alone', () => {
    const parent = new SeededRandom(7);
    const before = draw(parent.fork('n1'), 5);
    draw(parent, 100);
    assert.deepEqual(draw(parent.fork('n1'), 5), before);
    assert.deepEqual(draw(new SeededRandom(7).fork('n1'), 5), before);
    assert.notDeepEqual(draw(parent.fork('n2'), 5), before);
    assert.notDeepEqual(draw(new SeededRandom(8).fork('n1'), 5), before);
    assert.notDeepEqual(draw(parent.fork('n1').fork('n1'), 5), before);
  });

  test('forking does not disturb the parent', () => {
    const parent = new SeededRandom(7);
    parent.fork('x').next();
    assert.deepEqual(draw(parent, 5), draw(new SeededRandom(7), 5));
  });
});
