/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `stats()` counts by topic and publisher, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusStatistics } from '../../../src/bus/stats.js';
import type { BusRecord } from '../../../src/bus/records.js';
import { BusCluster, TOPIC } from '../../simulation/bus-cluster.js';

const record = (topic: string, bytes = 1): BusRecord =>
  ({ topic, payload: Buffer.alloc(bytes) }) as unknown as BusRecord;

test('nodes count what they published and received, with or without a subscriber', async () => {
  const made = await BusCluster.create({ size: 3 });
  await made.joined();
  const [first, second] = made.cluster.names() as [string, string];
  const publisher = made.log(first).bus;
  assert.deepEqual(publisher.stats().publishers, []);
  const all = [TOPIC, TOPIC, 'others'].map((topic) => publisher.publish(topic, Buffer.from('abc')));
  await made.cluster.run(2_000);
  await Promise.all(all);
  for (const name of [first, second]) {
    const { topics, publishers, gaps, otherMessages } = made.log(name).bus.stats();
    const shown = topics.map(({ topic, messages, bytes, lastPublisher }) => {
      return [topic, messages, bytes, lastPublisher];
    });
    assert.deepEqual(shown, [
      [TOPIC, 2, 6, first],
      ['others', 1, 3, first],
    ]);
    assert.ok(topics.every(({ lastAgo }) => lastAgo >= 1_000 && lastAgo <= 2_000));
    const { bootId } = publisher;
    assert.deepEqual(publishers, [
      { publisher: first, bootId, seq: 3, retained: 3, isGone: false },
    ]);
    assert.deepEqual([gaps, otherMessages], [[], 0]);
  }
  made.cluster.crash(first);
  await made.cluster.run(20_000);
  assert.equal(made.log(second).bus.stats().publishers[0]?.isGone, true);
  await made.cluster.run(60_000);
  const { gaps, publishers } = made.log(second).bus.stats();
  assert.deepEqual(gaps, [{ publisher: first, gaps: 1, missed: 0 }]);
  assert.deepEqual(publishers, []);
  await made.cluster.close();
});

test('topics in use stay when a peer invents topics', () => {
  const statistics = new BusStatistics();
  let now = 0;
  for (let i = 0; i < 5_000; i++) {
    statistics.delivered('a', record('in use'), now++);
    statistics.delivered('b', record(`invented ${i}`), now++);
  }
  const { topics, otherMessages } = statistics.read(undefined);
  assert.equal(topics.length, 1_000);
  assert.equal(topics.find(({ topic }) => topic === 'in use')?.messages, 5_000);
  assert.equal(otherMessages, 4_001);
});

test('members with the latest gaps stay', () => {
  const statistics = new BusStatistics();
  for (let i = 0; i < 3_000; i++) {
    statistics.gap({ publisher: `member ${i}`, bootId: undefined, missed: undefined });
    statistics.gap({ publisher: 'often', bootId: '00', missed: 2 });
  }
  const { gaps } = statistics.read(undefined);
  assert.equal(gaps.length, 1_000);
  assert.deepEqual(gaps.at(-1), { publisher: 'often', gaps: 3_000, missed: 6_000 });
});
