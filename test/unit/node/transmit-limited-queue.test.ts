/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The broadcast queue as users have it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, MessageTooLargeError, TransmitLimitedQueue } from '../../../src/index.js';
import { limits } from '../../../src/wire/limits.js';
import { addressOf, Cluster, until } from '../memberlist/cluster.js';

const base = { numNodes: (): number => 1, retransmitMult: 4 };

test('a bound that is no whole number of 1 or more is a ConfigError', () => {
  for (const maxEntries of [0, -1, 1.5, NaN, Infinity]) {
    assert.throws(() => new TransmitLimitedQueue({ ...base, maxEntries }), ConfigError);
    assert.throws(() => new TransmitLimitedQueue({ ...base, maxBytes: maxEntries }), ConfigError);
  }
});

test('a queue that nobody takes from is bounded without being asked to', () => {
  const queue = new TransmitLimitedQueue(base);
  for (let n = 0; n < limits.queuedBroadcasts + 10; n++) {
    queue.queueBroadcast({ message: Buffer.of(1) });
  }
  assert.ok(queue.numQueued <= limits.queuedBroadcasts);
  queue.reset();
  const large = Buffer.alloc(1024 * 1024);
  for (let n = 0; n < 40; n++) queue.queueBroadcast({ message: large });
  assert.equal(queue.numBytes, limits.queuedBroadcastBytes);
});

test('a broadcast that fits into no packet is an error at once', async () => {
  await using cluster = new Cluster();
  const heard: number[] = [];
  const b = await cluster.node('b', {
    delegate: { notifyMsg: (message) => heard.push(message.length) },
  });
  const queue: TransmitLimitedQueue = new TransmitLimitedQueue({
    ...base,
    numNodes: () => 2,
    maxMessageBytes: () => a.maxBroadcastBytes,
  });
  const getBroadcasts = queue.getBroadcasts.bind(queue);
  const a = await cluster.node('a', { delegate: { getBroadcasts } });
  await a.join([addressOf(b).addr]);
  const { maxBroadcastBytes } = a;
  assert.throws(
    () => queue.queueBroadcast({ message: Buffer.alloc(maxBroadcastBytes + 1) }),
    (error) => {
      assert.ok(error instanceof MessageTooLargeError);
      assert.deepEqual([error.size, error.limit], [maxBroadcastBytes + 1, maxBroadcastBytes]);
      return true;
    },
  );
  assert.equal(queue.numQueued, 0);
  queue.queueBroadcast({ message: Buffer.alloc(maxBroadcastBytes) });
  await until(b, () => heard.includes(maxBroadcastBytes));
});
