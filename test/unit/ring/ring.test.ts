/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ConfigError, decodeMeta, encodeMeta, ShutdownError } from '../../../src/index.js';
import { createRing, share, type Ring, type RingOptions } from '../../../src/ring/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

const keys = Array.from({ length: 300 }, (_, i) => `key-${i}`);

async function joined(size: number, config = {}): Promise<SimulatedCluster> {
  const cluster = await SimulatedCluster.create({ size, config });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  return cluster;
}

const ringsOf = (cluster: SimulatedCluster, options?: RingOptions): Ring[] =>
  cluster.names().map((name) => createRing(cluster.node(name), options));

suite('a ring', () => {
  test('has itself alone at first, and all members after settle', async () => {
    await using cluster = await SimulatedCluster.create({ size: 4 });
    const rings = ringsOf(cluster);
    for (const ring of rings) assert.ok(ring.isMine('a'));
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    assert.deepEqual(rings[0]!.members, [{ name: 'n0', weight: 1 }]);
    assert.equal(rings[0]!.isSettled, false);
    await cluster.run(2_000);
    assert.equal(rings[0]!.isSettled, true);
    assert.equal(new Set(rings.map(({ view }) => view)).size, 1);
    for (const key of keys) {
      assert.equal(new Set(rings.map((ring) => ring.owner(key))).size, 1);
      assert.equal(rings.filter((ring) => ring.isMine(key)).length, 1);
    }
  });

  test('a crashed member loses its keys to the next owners, and nothing else moves', async () => {
    await using cluster = await joined(5);
    const [ring] = ringsOf(cluster) as [Ring];
    const before = keys.map((key) => ring.owners(key, 2));
    const moves: unknown[] = [];
    const watch = ring.watch(keys);
    const held = new Set(watch.held);
    ring.on('moved', ({ gained, lost, view }) => {
      assert.equal(view, ring.view);
      moves.push(...gained);
      assert.deepEqual(lost, []);
    });
    cluster.crash('n3');
    await cluster.runUntil(() => cluster.converged());
    assert.equal(ring.members.length, 5);
    await cluster.run(2_000);
    assert.equal(ring.members.length, 4);
    for (const [i, key] of keys.entries()) {
      const [owner, next] = before[i]!;
      assert.equal(ring.owner(key), owner === 'n3' ? next : owner);
    }
    assert.deepEqual(
      moves,
      keys.filter((_, i) => before[i]![0] === 'n3' && before[i]![1] === 'n0'),
    );
    assert.equal(watch.held.length, held.size + moves.length);
    watch.close();
    cluster.crash('n2');
    await cluster.run(20_000);
    assert.equal(watch.held.length, held.size + moves.length);
  });

  test('a member that fails and returns within settle moves nothing', async () => {
    await using cluster = await joined(4);
    const ring = createRing(cluster.node('n0'), { settle: 30_000 });
    const { view } = ring;
    let events = 0;
    ring.on('view', () => events++).on('moved', () => events++);
    cluster.crash('n2');
    await cluster.runUntil(() => cluster.node('n0').member('n2')?.state === 'dead');
    await cluster.restart('n2');
    await cluster.run(40_000);
    assert.ok(ring.isSettled);
    assert.equal(ring.view, view);
    assert.equal(events, 0);
  });

  test('constant changes are waited for five times as long', async () => {
    await using cluster = await joined(2);
    const ring = createRing(cluster.node('n0'), { settle: 3_000 });
    await cluster.run(3_000);
    const startedAt = cluster.now;
    let changedAt = 0;
    ring.on('view', () => (changedAt ||= cluster.now));
    for (let i = 2; i < 22; i++) {
      await cluster.addNode(`n${i}`);
      await cluster.run(1_000);
    }
    assert.ok(Math.abs(changedAt - startedAt - 15_000) < 100, `${changedAt - startedAt}`);
  });

  test('metadata decides: filter and weight', async () => {
    await using cluster = await joined(4, (name: string) => ({
      delegate: { nodeMeta: () => encodeMeta({ weight: Number(name.slice(1)) }) },
    }));
    const weight: RingOptions['weight'] = ({ meta }) => Number(decodeMeta(meta)?.weight);
    const rings = ringsOf(cluster, { weight, settle: 100 });
    // n0 has the weight 0.
    assert.deepEqual(
      rings[0]!.members.map(({ name }) => name),
      ['n1', 'n2', 'n3'],
    );
    const { view } = rings[0]!;
    await cluster.during(cluster.node('n2').setMeta({ weight: 50 }));
    await cluster.run(1_000);
    assert.notEqual(rings[0]!.view, view);
    assert.equal(new Set(rings.map((ring) => ring.view)).size, 1, 'n2 itself has noticed');
    const share = keys.filter((key) => rings[0]!.owner(key) === 'n2').length;
    assert.ok(share > 250, `${share}`);
    await cluster.during(cluster.node('n2').setMeta({ weight: 'heavy' }));
    await cluster.run(1_000);
    assert.deepEqual(
      rings[2]!.members.map(({ name }) => name),
      ['n1', 'n3'],
    );
    const none = createRing(cluster.node('n0'), { filter: () => false });
    assert.equal(none.owner('a'), undefined);
    assert.deepEqual(none.owners('a', 3), []);
    assert.equal(none.isMine('a'), false);
  });

  test('a node that leaves gives up its keys after settle, and has them again when it returns', async () => {
    await using cluster = await joined(3);
    const ring = createRing(cluster.node('n0'), { settle: 500 });
    const { view } = ring;
    await cluster.during(cluster.node('n0').leave());
    await cluster.run(500);
    assert.deepEqual(
      ring.members.map(({ name }) => name),
      ['n1', 'n2'],
    );
    await cluster.during(cluster.node('n0').join([cluster.node('n1').localNode.address]));
    await cluster.run(1_000);
    assert.equal(ring.view, view);
  });

  test('replicas are owners, too', async () => {
    await using cluster = await joined(5);
    const rings = ringsOf(cluster, { replicas: 3 });
    for (const key of keys) {
      const owners = rings[0]!.owners(key);
      assert.equal(owners.length, 3);
      assert.equal(owners[0], rings[0]!.owner(key));
      assert.equal(rings.filter((ring) => ring.isMine(key)).length, 3);
    }
    assert.notEqual(createRing(cluster.node('n0')).view, rings[0]!.view);
  });

  test('close and shutdown end it without leaving anything behind', async () => {
    const cluster = await joined(2);
    const ring = createRing(cluster.node('n0'));
    ring.on('view', () => assert.fail());
    ring.close();
    createRing(cluster.node('n1'));
    cluster.crash('n1');
    await cluster.run(20_000);
    assert.equal(ring.members.length, 2);
    ring.close();
    await cluster.close();
    assert.equal(cluster.timersLeft, 0);
    assert.throws(() => createRing(cluster.node('n0')), ShutdownError);
  });

  test('wrong arguments are ConfigErrors', async () => {
    await using cluster = await joined(1);
    const list = cluster.node('n0');
    for (const options of [7, { settle: '2 s' }, { replicas: 0 }, { weight: 2 }, { wieght: 2 }]) {
      assert.throws(
        () => createRing(list, options as object),
        ConfigError,
        JSON.stringify(options),
      );
    }
    const ring = createRing(list);
    for (const key of [7, undefined, null, {}, ['a']] as unknown as string[]) {
      assert.throws(() => ring.owner(key), ConfigError);
      assert.throws(() => ring.owners(key), ConfigError);
      assert.throws(() => ring.isMine(key), ConfigError);
      assert.throws(() => ring.watch([key]), ConfigError);
    }
    assert.throws(() => ring.owners('a', 0), ConfigError);
    assert.throws(() => ring.owners('a', NaN), ConfigError);
  });
});

suite('a share', () => {
  test('of all nodes adds up to the total, and follows the members', async () => {
    await using cluster = await joined(3);
    const shares = cluster.names().map((name) => share(cluster.node(name), { total: 100 }));
    assert.deepEqual(
      shares.map(({ value }) => value),
      [34, 33, 33],
    );
    const changes: unknown[] = [];
    shares[0]!.on('change', (change) => changes.push(change));
    cluster.crash('n2');
    await cluster.runUntil(() => changes.length > 0);
    assert.deepEqual(changes, [{ value: 50, previous: 34 }]);
    shares[0]!.close();
  });

  test('of a node that the filter excludes is 0', async () => {
    await using cluster = await joined(2);
    const filter: RingOptions['filter'] = ({ name }) => name === 'n1';
    const values = cluster.names().map((name) => share(cluster.node(name), { total: 7, filter }));
    assert.deepEqual(
      values.map(({ value }) => value),
      [0, 7],
    );
  });

  test('wrong arguments are ConfigErrors', async () => {
    await using cluster = await joined(1);
    for (const options of [{}, { total: -1 }, { total: 1.5 }, { total: 1, replicas: 2 }, null]) {
      const wrong = options as { total: number };
      assert.throws(() => share(cluster.node('n0'), wrong), ConfigError, JSON.stringify(options));
    }
  });
});
