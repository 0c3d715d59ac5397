/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A few seeds of the experiment `npm run sim:singleton`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate, type Result } from '../../experiments/singleton/simulate.js';

test('with a lease two tasks never run, and without one they do in a partition', async () => {
  const results: Result[] = [];
  for (const seed of [0, 1, 2]) results.push(await simulate({ seed, settle: 2_000, incidents: 2 }));
  const most = (variant: string): number =>
    Math.max(...results.map(({ timelines }) => timelines[variant]!.most));
  assert.equal(most('lease'), 1);
  assert.equal(most('plain'), 2);
  for (const { timelines } of results) {
    for (const { totalMs, periods } of Object.values(timelines)) {
      const none = periods.filter(({ kind }) => kind === 'none');
      assert.ok(none.reduce((sum, { ms }) => sum + ms, 0) < totalMs / 5);
    }
  }
});

test('a seed determines the times', async () => {
  const task = { seed: 7, settle: 2_000, incidents: 1 };
  assert.deepEqual(await simulate(task), await simulate(task));
});
