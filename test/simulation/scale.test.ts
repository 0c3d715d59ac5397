/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:scale`, on a small scale.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runScale } from '../../experiments/scale/scale.js';

suite('a cluster that is restarted node by node', () => {
  test('knows after each restart who runs, and calls nobody failed', async () => {
    const told: string[] = [];
    const result = await runScale({
      nodes: 30,
      minutes: 2,
      restarts: 4,
      seed: 1,
      progress: (text) => told.push(text),
    });
    assert.equal(result.virtualMs, 120_000);
    assert.ok(result.converged);
    assert.ok(result.bootstrapMs !== undefined && result.bootstrapMs < 30_000);
    assert.equal(result.restartMs.length, 4);
    assert.ok(result.restartMs.every((ms) => ms > 0 && ms < 30_000));
    assert.deepEqual([result.unsettled, result.falsePositives], [[], 0]);
    assert.deepEqual(
      [result.events.join, result.events.left],
      [30 * 29 + 4 * 2 * 29, 4 * 29],
      'each is told of each other once, and again after its restart',
    );
    assert.deepEqual(told.slice(-2), ['minute 1, 2 restarts', 'minute 2, 4 restarts']);
  });

  test('may only come up, and end there', async () => {
    const result = await runScale({
      nodes: 20,
      minutes: 0,
      restarts: 0,
      seed: 1,
      progress: () => undefined,
    });
    assert.equal(result.virtualMs, result.bootstrapMs);
    assert.ok(result.converged);
  });
});
