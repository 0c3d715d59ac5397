/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ShutdownError } from '../../../src/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

suite('Memberlist.forget', () => {
  test('who is forgotten is not looked for, and stays away though others still know of it', async () => {
    await using cluster = await SimulatedCluster.create({ size: 4, seed: 5 });
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    cluster.crash('n3', { silent: true });
    const list = cluster.node('n0');
    assert.equal(list.forget('n3'), false, 'it is still taken for alive');
    await cluster.runUntil(() => list.member('n3')?.state === 'dead');
    assert.equal(list.forget('n3'), true);
    assert.equal(list.forget('n3'), false);
    assert.equal(list.member('n3'), undefined);
    await cluster.run(20_000);
    assert.equal(list.member('n3'), undefined);
    // The others look for it, and find it; then it lives for us, too.
    await cluster.restart('n3', { join: false });
    await cluster.runUntil(() => cluster.converged(), { timeout: 120_000 });
  });

  test('a name out of the table may still be looked for, until it is forgotten', async () => {
    await using cluster = await SimulatedCluster.create({ size: 2, seed: 6 });
    await cluster.joinAll();
    cluster.crash('n1');
    const list = cluster.node('n0');
    await cluster.runUntil(() => list.numMembers === 1);
    await cluster.runUntil(() => list.member('n1') === undefined, { timeout: 200_000 });
    assert.equal(list.forget('n1'), true);
    const { streams } = cluster.stats();
    await cluster.run(300_000);
    assert.equal(cluster.stats().streams, streams);
    assert.equal(list.forget('nobody'), false);
    await list.shutdown();
    assert.throws(() => list.forget('n1'), ShutdownError);
  });
});
