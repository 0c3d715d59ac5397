/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The guarantees of the bus, one by one, in clusters that send directly.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BusCluster, numbers, TOPIC } from './bus-cluster.js';

suite('the bus', () => {
  test('delivers to all members, once and in order, at 20 % loss', async () => {
    const world = await BusCluster.create({ size: 10, network: { loss: 0.2 } });
    await world.joined();
    const texts = numbers(200);
    for (const text of texts) {
      world.publish('n3', text);
      await world.cluster.run(20);
    }
    const ms = await world.cluster.runUntil(() => world.everyone(texts), { timeout: 2_000 });
    assert.ok(ms <= 2_000);
    world.checkOrder();
    for (const { gaps } of world.logs.values()) assert.deepEqual(gaps, []);
    await world.close();
    assert.equal(world.cluster.timersLeft, 0);
  });

  test('repairs a lost packet within 300 ms, also if it is the last one', async () => {
    const world = await BusCluster.create({ size: 3 });
    await world.joined();
    world.publish('n0', 'a');
    await world.cluster.run(3_000);
    world.cluster.link('n0', 'n1', { loss: 1 });
    world.publish('n0', 'b');
    await world.cluster.run(5);
    world.cluster.link('n0', 'n1', { loss: 0 });
    assert.ok(!world.has('n1', ['a', 'b']));
    const ms = await world.cluster.runUntil(() => world.everyone(['a', 'b']));
    assert.ok(ms < 300, `${ms} ms`);
    await world.close();
  });

  test('messages larger than a packet arrive, in order with small ones', async () => {
    const world = await BusCluster.create({ size: 4, network: { loss: 0.1 } });
    await world.joined();
    world.publish('n0', 'a', `b${'.'.repeat(200_000)}`, 'c');
    await world.cluster.runUntil(() => world.everyone(['a', 'b', 'c']), { timeout: 5_000 });
    await world.close();
  });

  test('a member that joins later receives what is published after its join', async () => {
    const world = await BusCluster.create({ size: 3 });
    await world.joined();
    world.publish('n0', 'a', 'b');
    await world.cluster.run(1_000);
    await world.cluster.addNode('late');
    await world.cluster.runUntil(() => world.cluster.converged());
    world.publish('n0', 'c');
    await world.cluster.runUntil(() => world.has('late', ['c']));
    await world.cluster.run(5_000);
    assert.deepEqual(world.log('late').texts, ['c']);
    assert.deepEqual(world.log('late').gaps, []);
    await world.close();
  });

  test('a partition of 60 s ends without a loss', async () => {
    const world = await BusCluster.create({ size: 6, network: { loss: 0.05 } });
    await world.joined();
    world.publish('n0', 'a');
    world.publish('n5', 'A');
    await world.cluster.run(1_000);
    world.cluster.partition([
      ['n0', 'n1', 'n2'],
      ['n3', 'n4', 'n5'],
    ]);
    for (let i = 0; i < 60; i++) {
      world.publish('n0', `b${i}`);
      world.publish('n5', `B${i}`);
      await world.cluster.run(1_000);
    }
    world.cluster.heal();
    await world.cluster.runUntil(() => world.cluster.converged(), { timeout: 120_000 });
    const complete = (): boolean =>
      world.cluster.names().every((name) => world.log(name).texts.length === 122);
    await world.cluster.runUntil(complete, { timeout: 5_000 });
    world.checkOrder();
    // In the meantime each side believed that the members of the other one had died.
    const sides = [
      ['n0', 'n1', 'n2'],
      ['n3', 'n4', 'n5'],
    ];
    for (const { node, gaps } of world.logs.values()) {
      const others = sides.find((side) => !side.includes(node));
      assert.deepEqual(gaps.map(({ publisher }) => publisher).sort(), others);
      assert.ok(gaps.every(({ missed }) => missed === undefined));
    }
    await world.close();
  });

  test('a partition that ends within the grace period is no gap', async () => {
    const world = await BusCluster.create({ size: 4, bus: { grace: 60_000 } });
    await world.joined();
    const texts = numbers(40);
    for (const [i, text] of texts.entries()) {
      if (i === 5) {
        world.cluster.partition([
          ['n0', 'n1'],
          ['n2', 'n3'],
        ]);
      }
      world.publish('n0', text);
      await world.cluster.run(1_000);
    }
    assert.equal(world.cluster.node('n3').numMembers, 2, 'it was noticed');
    world.cluster.heal();
    await world.cluster.runUntil(() => world.everyone(texts), { timeout: 120_000 });
    await world.cluster.run(120_000);
    for (const { gaps } of world.logs.values()) assert.deepEqual(gaps, []);
    await world.close();
  });

  test('what is no longer retained after a partition is a gap of known size', async () => {
    const retention = { messages: 10 };
    const world = await BusCluster.create({ size: 3, bus: { retention, grace: 600_000 } });
    await world.joined();
    world.publish('n0', 'first');
    await world.cluster.runUntil(() => world.everyone(['first']));
    world.cluster.partition([['n0', 'n1'], ['n2']]);
    const texts = numbers(30);
    for (const text of texts) {
      world.publish('n0', text);
      await world.cluster.run(1_000);
    }
    world.cluster.heal();
    const expected = ['first', ...texts.slice(-10)];
    await world.cluster.runUntil(() => world.has('n2', expected), { timeout: 120_000 });
    assert.deepEqual(
      world.log('n2').gaps.map(({ publisher, missed }) => [publisher, missed]),
      [['n0', 20]],
    );
    assert.deepEqual(world.log('n1').gaps, []);
    await world.close();
  });

  test('a publisher that returns after it was given up continues where it was', async () => {
    const world = await BusCluster.create({ size: 3, bus: { grace: 1_000 } });
    await world.joined();
    world.publish('n0', 'a');
    await world.cluster.runUntil(() => world.everyone(['a']));
    world.cluster.partition([['n0'], ['n1', 'n2']]);
    await world.cluster.run(30_000);
    world.publish('n0', 'b');
    await world.cluster.run(10_000);
    world.cluster.heal();
    await world.cluster.runUntil(() => world.everyone(['a', 'b']), { timeout: 120_000 });
    assert.equal(world.log('n1').gaps.length, 1);
    await world.close();
  });

  test('a member that asks for it receives what publishers retain', async () => {
    const world = await BusCluster.create({ size: 3, bus: { since: 'retained' } });
    await world.joined();
    world.publish('n0', 'a', 'b');
    await world.cluster.run(1_000);
    await world.cluster.addNode('late');
    await world.cluster.runUntil(() => world.has('late', ['a', 'b']), { timeout: 10_000 });
    await world.close();
  });

  test('a publisher that dies is a gap of unknown size, after its messages were repaired', async () => {
    const world = await BusCluster.create({ size: 5, network: { loss: 0.2 } });
    await world.joined();
    const texts = numbers(20);
    world.publish('n0', '0');
    await world.cluster.runUntil(() => world.everyone(['0']));
    for (const name of ['n2', 'n3']) world.cluster.link('n0', name, { loss: 1 });
    world.publish('n0', ...texts.slice(1));
    await world.cluster.runUntil(() => world.has('n1', texts));
    assert.deepEqual(world.log('n3').texts, ['0']);
    world.cluster.crash('n0');
    const others = ['n1', 'n2', 'n3', 'n4'];
    await world.cluster.run(5_000);
    for (const name of others) assert.deepEqual(world.log(name).texts, texts);
    await world.cluster.run(60_000);
    for (const name of others) {
      const { gaps } = world.log(name);
      assert.deepEqual(
        gaps.map(({ publisher, missed }) => [publisher, missed]),
        [['n0', undefined]],
      );
    }
    await world.close();
  });

  test('a publisher that leaves is no gap', async () => {
    const world = await BusCluster.create({ size: 5, network: { loss: 0.2 } });
    await world.joined();
    const texts = numbers(20);
    world.publish('n0', ...texts);
    await world.cluster.leave('n0');
    await world.cluster.run(60_000);
    for (const name of ['n1', 'n2', 'n3', 'n4']) {
      assert.deepEqual(world.log(name).texts, texts);
      assert.deepEqual(world.log(name).gaps, []);
    }
    await world.close();
  });

  test('confirm names who has delivered the message, and who has not', async () => {
    const world = await BusCluster.create({ size: 5, network: { loss: 0.2 } });
    await world.joined();
    const first = world.bus('n0').publish(TOPIC, Buffer.from('a'), { confirm: true });
    const { confirmed, missing, peers } = await world.cluster.during(first);
    assert.deepEqual([[...confirmed].sort(), missing, peers], [['n1', 'n2', 'n3', 'n4'], [], 4]);
    world.cluster.crash('n2', { silent: true });
    const options = { confirm: true, timeout: 1_000 } as const;
    const second = world.bus('n0').publish(TOPIC, Buffer.from('b'), options);
    const after = await world.cluster.during(second);
    assert.deepEqual(after.missing, ['n2']);
    assert.equal(after.confirmed.length, 3);
    await world.close();
  });

  test('a request is answered by all, at 20 % loss, and each handler runs once', async () => {
    const world = await BusCluster.create({ size: 5, network: { loss: 0.2 } });
    await world.joined();
    const runs = new Map<string, number>();
    for (const node of ['n1', 'n2', 'n3', 'n4']) {
      world.bus(node).respond('stock', (payload, { from }) => {
        runs.set(node, (runs.get(node) ?? 0) + 1);
        return Buffer.from(`${node} to ${from}: ${payload.toString()}`);
      });
    }
    const ask = async (): Promise<string[]> => {
      const answers: string[] = [];
      for await (const { from, payload } of world.bus('n0').request('stock', Buffer.from('x'))) {
        assert.ok(payload.toString().startsWith(from));
        answers.push(payload.toString());
      }
      return answers;
    };
    const answers = await world.cluster.during(ask());
    assert.deepEqual(
      answers.sort(),
      ['n1', 'n2', 'n3', 'n4'].map((node) => `${node} to n0: x`),
    );
    assert.ok([...runs.values()].every((count) => count === 1));
    await world.close();
  });

  test('a restarted member receives what is published after its restart, and nothing older', async () => {
    const world = await BusCluster.create({ size: 4 });
    await world.joined();
    world.publish('n1', 'a', 'b');
    world.publish('n2', 'A');
    await world.cluster.run(1_000);
    world.cluster.crash('n0');
    world.publish('n1', 'c');
    await world.cluster.run(100);
    world.publish('n2', 'B');
    await world.cluster.restart('n0');
    await world.cluster.run(10);
    world.publish('n1', 'd');
    world.publish('n2', 'C');
    await world.cluster.run(5_000);
    assert.deepEqual(world.log('n0').texts.sort(), ['C', 'd']);
    assert.deepEqual(world.log('n3').texts.length, 7);
    await world.close();
  });

  test('a restarted publisher is a new one: nothing is lost, repeated or out of order', async () => {
    const world = await BusCluster.create({ size: 4, network: { loss: 0.1 } });
    await world.joined();
    world.publish('n0', 'a', 'b');
    await world.cluster.run(1_000);
    world.cluster.crash('n0');
    await world.cluster.restart('n0');
    await world.cluster.run(3_000);
    world.publish('n0', 'c', 'd');
    await world.cluster.run(3_000);
    for (const name of ['n1', 'n2', 'n3']) {
      assert.deepEqual(world.log(name).texts, ['a', 'b', 'c', 'd']);
    }
    world.checkOrder();
    await world.close();
  });
});
