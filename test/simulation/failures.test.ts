/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { SimulatedCluster } from '../../src/testing/index.js';
import { end, joined, record, states, told } from './worlds.js';

const size = 20;
// LAN defaults: a pass of probes takes (2n − 1) s at most, plus two rounds in which it is noticed;
// the suspicion runs 4 × log10(20) s when it is confirmed, six times as long when it is not.
const detectionMs = (2 * size - 1 + 2) * 1_000 + 6 * 4 * Math.log10(size) * 1_000;

async function allSay(cluster: SimulatedCluster, name: string, state: string): Promise<number> {
  return cluster.runUntil(() => states(cluster, name).join() === state, { timeout: detectionMs });
}

suite('simulated failures', () => {
  for (const silent of [false, true]) {
    test(`a crash${silent ? ' without a trace' : ''} is found by all, once, in its time`, async () => {
      const cluster = await joined({ size, seed: 3 });
      const seen = record(cluster);
      cluster.crash('n3', { silent });
      assert.equal(cluster.names().includes('n3'), false);
      await allSay(cluster, 'n3', 'dead');
      assert.ok(cluster.converged());
      const others = cluster.names().map((name) => `${name}: n3 failed`);
      assert.deepEqual(told(seen, 'leave').sort(), others.sort());
      await end(cluster);
    });
  }

  test('who leaves is said to have left, everywhere, and nobody calls it failed', async () => {
    const cluster = await joined({ size, seed: 4 });
    const seen = record(cluster);
    const before = cluster.now;
    await cluster.leave('n7');
    assert.ok(cluster.now - before < 10_000);
    assert.equal(cluster.names().includes('n7'), false);
    await allSay(cluster, 'n7', 'left');
    const others = cluster.names().map((name) => `${name}: n7 left`);
    assert.deepEqual(told(seen, 'leave').sort(), others.sort());
    assert.deepEqual(told(seen, 'suspect'), []);
    await end(cluster);
  });

  test('the dead are forgotten after a while', async () => {
    const cluster = await joined({ size: 5, seed: 4 });
    cluster.crash('n1');
    await cluster.run(120_000);
    assert.deepEqual(states(cluster, 'n1'), ['unknown']);
    await end(cluster);
  });

  test('two halves take each other for dead, and are one again after the partition', async () => {
    const cluster = await joined({ size, seed: 5 });
    const [left, right] = [cluster.names().slice(0, 8), cluster.names().slice(8)];
    cluster.partition([left, right]);
    const sizes = (): number[] => cluster.names().map((name) => cluster.node(name).numMembers);
    await cluster.runUntil(() => sizes().every((count, i) => count === (i < 8 ? 8 : 12)), {
      timeout: 180_000,
    });
    cluster.heal();
    await cluster.runUntil(() => cluster.converged(), { timeout: 60_000 });
    await end(cluster);
  });

  test('with a partition one way, those who are not heard are found dead by the others', async () => {
    const cluster = await joined({ size: 6, seed: 6 });
    cluster.partition([['n0', 'n1', 'n2', 'n3', 'n4'], ['n5']], { oneWay: true });
    await cluster.runUntil(() => cluster.node('n0').member('n5')?.state === 'dead');
    cluster.heal();
    await cluster.runUntil(() => cluster.converged());
    await end(cluster);
  });

  test('a node that comes back at once, name and address the same, is taken in again', async () => {
    const cluster = await joined({ size: 10, seed: 8 });
    const before = cluster.node('n3');
    cluster.crash('n3');
    await cluster.run(500);
    const after = await cluster.restart('n3');
    assert.notEqual(after, before);
    assert.equal(cluster.node('n3'), after);
    assert.equal(after.localNode.address, before.localNode.address);
    assert.deepEqual(cluster.names().indexOf('n3'), 3);
    await cluster.runUntil(() => cluster.converged(), { timeout: 30_000 });
    await end(cluster);
  });

  test('a dead name at a new address is a conflict until the name is free again', async () => {
    const cluster = await joined({ size: 6, seed: 9 });
    const seen = record(cluster);
    cluster.crash('n3');
    await cluster.runUntil(() => states(cluster, 'n3').join() === 'dead');
    const old = cluster.node('n3').localNode.address;
    const list = await cluster.restart('n3', { addr: 'new', join: false });
    assert.notEqual(list.localNode.address, old);
    await cluster.during(list.join([cluster.node('n0').localNode.address]));
    await cluster.run(1_000);
    assert.ok(seen.some(({ event }) => event.type === 'conflict'));
    await cluster.runUntil(() => cluster.converged(), { timeout: 180_000 });
    await end(cluster);
  });

  test('who left gives its name free: another address may have it at once', async () => {
    const cluster = await joined({ size: 6, seed: 10 });
    const seen = record(cluster);
    await cluster.leave('n3');
    await cluster.runUntil(() => states(cluster, 'n3').join() === 'left');
    await cluster.restart('n3', { addr: '10.9.9.9:1234' });
    await cluster.runUntil(() => cluster.converged(), { timeout: 30_000 });
    assert.equal(cluster.node('n0').member('n3')?.address, '10.9.9.9:1234');
    assert.ok(!seen.some(({ event }) => event.type === 'conflict'));
    await end(cluster);
  });

  test('an address may come back under another name', async () => {
    const cluster = await joined({ size: 6, seed: 11 });
    const { address } = cluster.node('n3').localNode;
    cluster.crash('n3');
    await cluster.restart('n3', { name: 'other' });
    assert.equal(cluster.node('other').localNode.address, address);
    assert.ok(cluster.names().includes('other'));
    await cluster.runUntil(() => cluster.converged(), { timeout: 120_000 });
    await end(cluster);
  });

  test('nodes may be added, two of one name too: that is a conflict', async () => {
    const cluster = await joined({ size: 4, seed: 12 });
    const seen = record(cluster);
    await cluster.addNode('n4');
    await cluster.runUntil(() => cluster.converged());
    await cluster.addNode('twin', { config: { name: 'n2' }, join: false });
    assert.equal(cluster.node('twin').localNode.name, 'n2');
    const twin = cluster.node('twin').join([cluster.node('n0').localNode.address]);
    await Promise.all([twin, cluster.run(5_000)]);
    const conflicts = seen.filter(({ event }) => event.type === 'conflict');
    assert.ok(conflicts.length > 0);
    for (const { event } of conflicts) {
      assert.ok(event.type === 'conflict');
      assert.equal(event.existing.name, 'n2');
    }
    await end(cluster);
  });

  test('a node whose machine vanished may come back on another one', async () => {
    const cluster = await joined({ size: 5, seed: 14 });
    const before = cluster.node('n4').localNode.address;
    cluster.crash('n4', { silent: true });
    await cluster.runUntil(() => states(cluster, 'n4').join() === 'unknown', { timeout: 90_000 });
    await cluster.restart('n4', { addr: 'new' });
    await cluster.runUntil(() => cluster.converged());
    assert.notEqual(cluster.node('n0').member('n4')?.address, before);
    await end(cluster);
  });

  test('who says goodbye and is not heard has ended all the same, and is found dead', async () => {
    const cluster = await joined({ size: 5, seed: 15 });
    cluster.partition([['n4'], ['n0', 'n1', 'n2', 'n3']]);
    await cluster.leave('n4', { timeout: 3_000 });
    assert.deepEqual(cluster.names(), ['n0', 'n1', 'n2', 'n3']);
    await cluster.runUntil(() => states(cluster, 'n4').join() === 'dead');
    await end(cluster);
  });

  test('most hear a goodbye at once, however much is lost, and the others soon', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const cluster = await joined({ size: 10, seed });
      cluster.network.change({ loss: 0.6 });
      await cluster.leave('n4');
      // With such a loss the health score is above 0, so it may take until the second regular push/pull.
      await cluster.runUntil(() => states(cluster, 'n4').join() === 'left', { timeout: 60_000 });
      await end(cluster);
    }
  });

  test('who is added during a partition is in none of its groups, and stands between them', async () => {
    const cluster = await joined({ size: 4, seed: 3 });
    cluster.partition([
      ['n0', 'n1'],
      ['n2', 'n3'],
    ]);
    await cluster.addNode('bridge');
    await cluster.run(2_000);
    cluster.partition([]);
    await cluster.runUntil(() => cluster.converged());
    await end(cluster);
  });

  test('a node that is restarted again and again is each time a life of its own', async () => {
    const cluster = await joined({ size: 5, seed: 13 });
    for (let life = 0; life < 5; life++) {
      cluster.crash('n2', { silent: life % 2 === 0 });
      await cluster.run(life * 700);
      await cluster.restart('n2');
    }
    await cluster.runUntil(() => cluster.converged(), { timeout: 30_000 });
    await end(cluster);
  });
});
