/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A publish that nobody awaits does not end the process at a shutdown, and memory is trimmed in order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createRecord } from '../../../src/bus/records.js';
import { dropOldest, Retained } from '../../../src/bus/retained.js';
import { BusCluster } from '../../simulation/bus-cluster.js';

test('a publish without await before the shutdown arrives, and later ones end no process', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const world = await BusCluster.create({ size: 2 });
  await world.joined();
  world.publish('n0', 'first');
  await world.cluster.runUntil(() => world.everyone(['first']));
  const bus = world.bus('n0');
  void bus.publish('news', Buffer.from('never read'));
  void bus.publish('large', Buffer.alloc(100_000));
  world.publish('n0', 'refused with the large one');
  void world.cluster.node('n0').shutdown();
  void bus.publish('news', Buffer.from('too late'));
  await assert.rejects(bus.publish('news', Buffer.from('awaited')), {
    code: 'ERR_MEMBERLIST_SHUTDOWN',
  });
  await turn();
  await turn();
  assert.deepEqual(unhandled, []);
  await world.close();
  process.off('unhandledRejection', note);
});

test('what was accepted in the turn of the shutdown reaches the others', async () => {
  const world = await BusCluster.create({ size: 2 });
  await world.joined();
  world.publish('n0', 'first');
  await world.cluster.runUntil(() => world.everyone(['first']));
  world.publish('n0', 'last');
  void world.cluster.node('n0').shutdown();
  await world.cluster.run(100);
  assert.deepEqual(world.log('n1').texts, ['first', 'last']);
  await world.close();
});

test('the oldest messages of all publishers are removed first', () => {
  let bytes = 0;
  const limits = { count: 1e6, bytes: 1e9, ageMs: 1e9 };
  const all = Array.from({ length: 5 }, () => new Retained(limits, (by) => (bytes += by)));
  for (let i = 0; i < 1_000; i++) {
    const record = createRecord(i + 1, { topic: 't', payload: Buffer.alloc(50), confirm: false });
    all[(i * i) % 5]?.add(record, i);
  }
  const before = bytes;
  dropOldest(all, () => bytes > before / 2);
  assert.ok(bytes <= before / 2 && bytes > before / 2 - 300);
  const left = all.map(({ oldestAt }) => oldestAt ?? Infinity);
  assert.ok(Math.min(...left) >= 499, left.join());
});
