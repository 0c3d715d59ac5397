/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Clusters in which messages are passed on from member to member.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BusCluster, numbers } from './bus-cluster.js';

suite('the bus in a large cluster', () => {
  test('100 nodes receive the messages of three publishers, in order, at 10 % loss', async () => {
    const world = await BusCluster.create({ size: 100, network: { loss: 0.1 } });
    await world.joined();
    const publishers = ['n1', 'n50', 'n99'];
    for (let i = 0; i < 20; i++) {
      for (const name of publishers) world.publish(name, `${name} ${i}`);
      await world.cluster.run(50);
    }
    const complete = (): boolean =>
      [...world.logs.values()].every(({ texts }) => texts.length === 60);
    const ms = await world.cluster.runUntil(complete, { timeout: 5_000 });
    console.log(ms);
    world.checkOrder();
    for (const { gaps } of world.logs.values()) assert.deepEqual(gaps, []);
    await world.close();
  });

  test('the tree forms: most messages then arrive once', async () => {
    const world = await BusCluster.create({ size: 300 });
    await world.joined();
    const texts = numbers(30);
    const before: number[] = [];
    for (const text of texts) {
      world.publish('n7', text);
      const sent = world.cluster.stats().packets;
      const ms = await world.cluster.runUntil(() =>
        [...world.logs.values()].every((log) => log.texts.at(-1) === text),
      );
      before.push(Math.round(ms));
      await world.cluster.run(200);
      console.log(text, ms, world.cluster.stats().packets - sent);
    }
    assert.ok(world.everyone(texts));
    await world.close();
  });
});
