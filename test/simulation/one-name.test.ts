/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two nodes with one name, of which one goes.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { serf } from '../../src/serf/index.js';
import { SimulatedCluster, type SimulatedConfig } from '../../src/testing/index.js';
import { Log } from '../unit/memberlist/cluster.js';

interface Stage extends AsyncDisposable {
  readonly cluster: SimulatedCluster;
  readonly told: string[];
}

/** `n0` to `n3`, and `twin`, which says that it is `n1` as well. */
async function withTwin(
  config: SimulatedConfig = {},
  configOfAll: () => SimulatedConfig = () => ({}),
): Promise<Stage> {
  const cluster = await SimulatedCluster.create({ size: 4, seed: 9, config: configOfAll });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  const told: string[] = [];
  cluster.on('event', (observer, event) => {
    if (event.type === 'conflict' && observer === 'twin') told.push('twin conflict');
    if (event.type === 'leave') told.push(`${observer}: ${event.node.name} ${event.reason}`);
    if (event.type === 'suspect') told.push(`${observer}: ${event.node.name} suspect`);
  });
  await cluster.addNode('twin', { config: { name: 'n1', ...config } });
  await cluster.runUntil(() => told.includes('twin conflict'));
  await cluster.run(5_000);
  told.length = 0;
  return { cluster, told, [Symbol.asyncDispose]: () => cluster.close() };
}

suite('a node whose name another living node has', () => {
  test('leaves without a word, so that nobody takes the other for gone', async () => {
    const log = new Log();
    await using stage = await withTwin({ logger: log });
    const { cluster, told } = stage;
    await cluster.leave('twin');
    await cluster.run(120_000);
    assert.deepEqual(told, []);
    for (const name of cluster.names()) assert.equal(cluster.node(name).numMembers, 4);
    assert.equal(log.of('leave-withheld')[0]?.level, 'warn');
  });

  test('shuts down without marking the other', async () => {
    await using stage = await withTwin();
    const { cluster, told } = stage;
    cluster.crash('twin');
    await cluster.run(120_000);
    assert.deepEqual(told, []);
  });

  test('is shut down by the vote of a Serf cluster, without a leave and without marking the other', async () => {
    await using stage = await withTwin({}, () => ({ use: [serf()] }));
    const { cluster, told } = stage;
    await cluster.runUntil(() => !cluster.names().includes('twin'), { timeout: 60_000 });
    await cluster.run(60_000);
    assert.deepEqual(told, []);
    for (const name of cluster.names()) assert.equal(cluster.node(name).numMembers, 4);
  });

  test('leaves as any other once the other is gone', async () => {
    await using stage = await withTwin();
    const { cluster, told } = stage;
    cluster.crash('n1', { silent: true });
    await cluster.runUntil(() => cluster.node('n0').member('n1')?.state === 'dead');
    await cluster.runUntil(() => cluster.node('n0').member('n1') === undefined, {
      timeout: 200_000,
    });
    const { address } = cluster.node('twin').localNode;
    await cluster.runUntil(() => cluster.node('n0').member('n1')?.address === address, {
      timeout: 300_000,
    });
    told.length = 0;
    await cluster.leave('twin');
    await cluster.run(5_000);
    assert.ok(told.includes('n0: n1 left'), told.join(', '));
  });
});
