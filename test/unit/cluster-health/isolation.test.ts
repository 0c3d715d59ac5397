/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ACCEPTED_AFTER_MS, GRACE_MS, Isolation } from '../../../src/cluster-health/isolation.js';

const hour = ACCEPTED_AFTER_MS;

suite('isolation', () => {
  test('of six that were seen three are a minority, one is alone, four are well', () => {
    const isolation = new Isolation({ expected: undefined, now: 0 });
    assert.equal(isolation.evaluate(6, 1_000), undefined);
    assert.equal(isolation.evaluate(4, 2_000), undefined);
    assert.equal(isolation.evaluate(3, 3_000), 'minority');
    assert.equal(isolation.evaluate(2, 4_000), undefined);
    assert.equal(isolation.evaluate(1, 5_000), 'isolated');
    assert.equal(isolation.evaluate(2, 6_000), 'minority');
    assert.equal(isolation.evaluate(4, 7_000), 'healthy');
    assert.deepEqual(isolation.size, { members: 4, expected: 6 });
    assert.equal(isolation.health, 'healthy');
  });

  test('a cluster that was made smaller by leaves is no smaller than expected', () => {
    const isolation = new Isolation({ expected: undefined, now: 0 });
    isolation.evaluate(6, 1_000);
    for (let members = 5; members >= 1; members--) {
      isolation.left();
      assert.equal(isolation.evaluate(members, 2_000), undefined);
    }
    assert.equal(isolation.nextEvaluationAt, undefined);
  });

  test('after an hour a smaller cluster is taken for the whole one', () => {
    const isolation = new Isolation({ expected: undefined, now: 0 });
    isolation.evaluate(6, 1_000);
    assert.equal(isolation.evaluate(1, 60_000), 'isolated');
    assert.equal(isolation.nextEvaluationAt, 1_000 + hour);
    assert.equal(isolation.evaluate(1, hour), undefined);
    assert.equal(isolation.evaluate(1, 1_000 + hour), 'healthy');
    assert.deepEqual(isolation.size, { members: 1, expected: 1 });
  });

  test('what the user expects counts, and is not forgotten', () => {
    const isolation = new Isolation({ expected: 5, now: 0 });
    assert.equal(isolation.evaluate(3, 1_000), undefined);
    isolation.left();
    assert.equal(isolation.evaluate(2, 2_000), 'minority');
    assert.equal(isolation.nextEvaluationAt, undefined);
    assert.equal(isolation.evaluate(2, 9 * hour), undefined);
  });

  test('to be alone at the start is trouble only after a while', () => {
    const isolation = new Isolation({ expected: 5, now: 1_000 });
    assert.equal(isolation.evaluate(1, 1_000), undefined);
    assert.equal(isolation.nextEvaluationAt, 1_000 + GRACE_MS);
    assert.equal(isolation.evaluate(2, GRACE_MS), undefined);
    assert.equal(isolation.evaluate(1, 1_000 + GRACE_MS), 'isolated');
  });
});
