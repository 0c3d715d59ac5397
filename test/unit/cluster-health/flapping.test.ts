/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Flapping } from '../../../src/cluster-health/flapping.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { limits } from '../../../src/wire/limits.js';

const minute = 60_000;

suite('flapping', () => {
  test('is told at the fourth failure within ten minutes, once', () => {
    const clock = new VirtualClock();
    const flapping = new Flapping({ clock });
    const told = Array.from({ length: 20 }, () => {
      clock.advance(2 * minute);
      return flapping.failed('a');
    });
    assert.deepEqual(
      told.map((count) => count ?? 0),
      [0, 0, 0, 4, ...Array<number>(16).fill(0)],
    );
  });

  test('failures that are further apart are none', () => {
    const clock = new VirtualClock();
    const flapping = new Flapping({ clock });
    for (let i = 0; i < 20; i++) {
      clock.advance(4 * minute);
      assert.equal(flapping.failed('a'), undefined);
    }
  });

  test('is told again after ten minutes of peace', () => {
    const clock = new VirtualClock();
    const flapping = new Flapping({ clock });
    const failTimes = (times: number): number[] =>
      Array.from({ length: times }, () => flapping.failed('a') ?? 0);
    assert.deepEqual(failTimes(5), [0, 0, 0, 4, 0]);
    clock.advance(10 * minute);
    assert.deepEqual(failTimes(5), [0, 0, 0, 4, 0]);
  });

  test('remembers those who failed last, and no more than so many', () => {
    const flapping = new Flapping({ clock: new VirtualClock() });
    for (let i = 0; i < 3; i++) flapping.failed('first');
    for (let i = 0; i < limits.flappingNames; i++) flapping.failed(`n${i}`);
    assert.equal(flapping.failed('first'), undefined);
  });
});
