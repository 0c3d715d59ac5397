/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Registry } from 'prom-client';
import type { MemberEvent, Memberlist } from '../../../src/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

const troubles = ['isolated', 'minority', 'quorum-restored', 'flapping'] as const;

/** What a node tells of its company, as text. */
function troublesOf(list: Memberlist, told: string[] = []): string[] {
  for (const name of ['isolated', 'minority', 'quorum-restored'] as const) {
    list.on(name, ({ members, expected }) => told.push(`${name} ${members}/${expected}`));
  }
  list.on('flapping', (node, count) => told.push(`flapping ${node.name} ${count}`));
  return told;
}

async function gauge(registry: Registry, name: string): Promise<number | undefined> {
  return (await registry.getSingleMetric(`memberlist_${name}`)?.get())?.values[0]?.value;
}

suite('trouble with company', () => {
  test('two of six are told that they are in a minority, one that it is alone, all that it is over', async () => {
    const registry = new Registry();
    const config = (name: string): object => (name === 'n0' ? { metrics: { registry } } : {});
    await using cluster = await SimulatedCluster.create({ size: 6, seed: 3, config });
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    const told = Array.from({ length: 6 }, (_, i) => troublesOf(cluster.node(`n${i}`)));
    cluster.partition([
      ['n0', 'n1'],
      ['n2', 'n3', 'n4', 'n5'],
    ]);
    await cluster.run(60_000);
    assert.equal(await gauge(registry, 'minority'), 1);
    assert.equal(await gauge(registry, 'expected_members'), 6);
    cluster.partition([['n0'], ['n1'], ['n2', 'n3', 'n4', 'n5']]);
    await cluster.run(60_000);
    assert.equal(await gauge(registry, 'isolated'), 1);
    assert.equal(await gauge(registry, 'minority'), 0);
    cluster.heal();
    await cluster.runUntil(() => cluster.converged(), { timeout: 90_000 });
    await cluster.run(1);
    for (const own of told.slice(0, 2)) {
      assert.match(
        own.join(),
        /^minority [23]\/6,isolated 1\/6,(minority \d\/6,)?quorum-restored \d\/6$/,
      );
    }
    for (const own of told.slice(2)) assert.deepEqual(own, []);
    assert.equal(await gauge(registry, 'isolated'), 0);
    assert.equal(await gauge(registry, 'quorum_restored_total'), 1);
  });

  test('nothing of it is told in a rolling restart of five, whoever is expected', async () => {
    for (const expectedMembers of [undefined, 5]) {
      for (const gracefully of [true, false]) {
        const seeds = Array.from({ length: 5 }, (_, i) => `10.0.0.${i + 1}`);
        const config = { expectedMembers, seeds };
        await using cluster = await SimulatedCluster.create({ size: 5, seed: 4, config });
        await cluster.runUntil(() => cluster.converged());
        const told: string[] = [];
        for (const name of cluster.names()) troublesOf(cluster.node(name), told);
        for (const name of cluster.names()) {
          if (gracefully) await cluster.leave(name);
          else cluster.crash(name);
          await cluster.run(2_000);
          troublesOf(await cluster.restart(name, { join: false }), told);
          await cluster.during(cluster.node(name).ready({ minMembers: 4, timeout: 60_000 }));
        }
        await cluster.run(120_000);
        assert.deepEqual(told, []);
      }
    }
  });

  test('a node that should have company and finds none says so after its grace', async () => {
    const config = { expectedMembers: 3 };
    await using cluster = await SimulatedCluster.create({ size: 1, config });
    const told = troublesOf(cluster.node('n0'));
    await cluster.run(29_000);
    assert.deepEqual(told, []);
    await cluster.run(2_000);
    assert.deepEqual(told, ['isolated 1/3']);
  });

  test('who fails again and again is told of once; the iterator has all of it', async () => {
    await using cluster = await SimulatedCluster.create({ size: 4, seed: 5 });
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    const list = cluster.node('n0');
    const told = troublesOf(list);
    const events: MemberEvent[] = [];
    const over = new AbortController();
    const reading = (async () => {
      for await (const event of list.events({ signal: over.signal })) events.push(event);
    })();
    for (let i = 0; i < 6; i++) {
      cluster.crash('n3');
      await cluster.runUntil(() => list.member('n3')?.state !== 'alive');
      await cluster.runUntil(() => list.numMembers === 3, { timeout: 120_000 });
      await cluster.restart('n3');
      await cluster.runUntil(() => cluster.converged());
    }
    over.abort();
    await reading;
    assert.deepEqual(told, ['flapping n3 4']);
    const types: readonly string[] = troubles;
    assert.deepEqual(
      events.filter(({ type }) => types.includes(type)).map(({ type }) => type),
      ['flapping'],
    );
  });

  test('after a leave nothing is told, and no timer is left', async () => {
    await using cluster = await SimulatedCluster.create({ size: 3, seed: 6 });
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    const list = cluster.node('n0');
    const told = troublesOf(list);
    await cluster.during(list.leave());
    for (const name of ['n1', 'n2']) cluster.crash(name);
    await cluster.run(120_000);
    assert.deepEqual(told, []);
    await cluster.close();
    assert.equal(cluster.timersLeft, 0);
  });
});
