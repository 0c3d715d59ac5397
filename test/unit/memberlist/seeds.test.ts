/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Registry } from 'prom-client';
import { ConfigError, ShutdownError, TimeoutError } from '../../../src/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

const seeds = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];

suite('seeds of the configuration', () => {
  test('nodes that start at the same time with each other as seeds meet', async () => {
    for (const seed of [1, 2, 3]) {
      await using cluster = await SimulatedCluster.create({ size: 3, seed, config: { seeds } });
      assert.deepEqual(cluster.node('n1').localNode.address, '10.0.0.2:7946');
      await cluster.runUntil(() => cluster.converged(), { timeout: 10_000 });
    }
  });

  test('nobody answers: the node starts all the same, and goes on asking', async () => {
    await using cluster = await SimulatedCluster.create({ size: 1, config: { seeds } });
    const registry = new Registry();
    const metrics = { registry };
    const list = await cluster.addNode('late', { addr: '10.0.0.9:7946', config: { metrics } });
    cluster.crash('n0');
    await cluster.run(60_000);
    assert.equal(list.numMembers, 1);
    await cluster.addNode('n2', { addr: '10.0.0.3:7946' });
    await cluster.runUntil(() => cluster.converged());
    const metric = await registry.getSingleMetric('memberlist_rejoins_total')?.get();
    const failed = metric?.values.find(({ labels }) => labels.outcome === 'failed')?.value ?? 0;
    assert.ok(failed > 5, `${failed} attempts failed`);
  });

  test('after a leave nobody is asked, and after a join again', async () => {
    await using cluster = await SimulatedCluster.create({ size: 2, config: { seeds } });
    await cluster.runUntil(() => cluster.converged());
    const list = cluster.node('n1');
    await cluster.during(list.leave());
    cluster.crash('n0');
    await cluster.run(60_000);
    const { streams } = cluster.stats();
    await cluster.run(200_000);
    assert.equal(cluster.stats().streams, streams);
    await assert.rejects(cluster.during(list.join(['10.0.0.1'])));
    await cluster.restart('n0', { join: false });
    await cluster.runUntil(() => cluster.converged());
    assert.equal(list.numMembers, 2);
  });
});

suite('ready', () => {
  test('resolves once there are as many members as are wanted, at once when there are', async () => {
    await using cluster = await SimulatedCluster.create({ size: 3, config: { seeds } });
    const list = cluster.node('n0');
    await list.ready({ minMembers: 1 });
    await cluster.during(list.ready());
    assert.ok(list.numMembers >= 2);
    await cluster.during(list.ready({ minMembers: 3 }));
    assert.equal(list.numMembers, 3);
    await list.ready({ minMembers: 3, timeout: 1 });
  });

  test('rejects at its timeout, when it is aborted, and at a shutdown', async () => {
    await using cluster = await SimulatedCluster.create({ size: 1 });
    const list = cluster.node('n0');
    await assert.rejects(cluster.during(list.ready({ timeout: 500 })), TimeoutError);
    assert.equal(cluster.now, 500);
    const reason = new Error('not any more');
    await assert.rejects(list.ready({ signal: AbortSignal.abort(reason) }), reason);
    const waiting = assert.rejects(list.ready(), ShutdownError);
    await list.shutdown();
    await waiting;
    await assert.rejects(list.ready(), ShutdownError);
  });

  test('a number of members that cannot be is a mistake', async () => {
    await using cluster = await SimulatedCluster.create({ size: 1 });
    for (const minMembers of [0, 1.5, NaN]) {
      await assert.rejects(cluster.node('n0').ready({ minMembers }), ConfigError);
    }
  });
});
