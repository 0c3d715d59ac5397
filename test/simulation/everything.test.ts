/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { everything } from './everything.js';

suite('a simulation in which everything is used', () => {
  test('delegates, iterator, logger and metrics work as in production, and nothing is left', async () => {
    const { told, iterated, logged, metrics, timersLeft } = await everything(3);
    for (const text of [
      'n1: notifyMsg best effort',
      'n2: notifyMsg to an address',
      'n2: notifyMsg reliable',
      'n3: notifyMsg to all',
      'n0: notifyJoin n1',
      'n0: notifyLeave n4 left',
      'n0: notifyLeave n3 failed',
      'n0: notifyLeave n3 left',
      'n1: notifyUpdate n0',
      'n0: notifyConflict n2',
      'n0: mergeRemoteState state of n1',
      'n1: mergeRemoteState state of n0',
      'n0: notifyPingComplete n1 payload',
    ]) {
      assert.ok(told.includes(text), text);
    }
    assert.ok(told.some((text) => text.startsWith('n0: notifyMerge ')));
    assert.deepEqual(
      told.filter((text) => text.includes('notifyJoin unwanted')),
      [],
      'who is refused does not join',
    );
    assert.ok(iterated.includes('join n1') && iterated.includes('leave n3'));
    assert.equal(iterated.at(-1), 'the end');
    assert.ok(logged.length > 20);
    assert.match(metrics, /memberlist_members\{/);
    assert.equal(timersLeft, 0);
  });

  test('is the same each time', async () => {
    const first = await everything(2);
    assert.deepEqual(await everything(2), first);
    assert.notEqual((await everything(3)).digest, first.digest);
  });
});
