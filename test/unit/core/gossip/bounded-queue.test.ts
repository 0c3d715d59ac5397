/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The broadcast queue when more is added than sent: a flood of claims, or no receivers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  TransmitLimitedQueue,
  type BroadcastQueueInit,
} from '../../../../src/core/gossip/broadcast-queue.js';
import { limits } from '../../../../src/wire/limits.js';
import { runToCompletion } from '../../../../src/wire/sliced.js';
import { ip, makeEngine, ME, record, suspect } from '../harness.js';

function make(init: Partial<BroadcastQueueInit> = {}): TransmitLimitedQueue {
  return new TransmitLimitedQueue({ numNodes: () => 1000, retransmitMult: 4, ...init });
}

/** Everything that is in the queue, the most urgent first. */
function all(queue: TransmitLimitedQueue): string[] {
  return queue.getBroadcasts(0, Infinity).map((message) => Buffer.from(message).toString());
}

function add(queue: TransmitLimitedQueue, text: string, finished?: () => void): void {
  queue.queueBroadcast({ message: Buffer.from(text), ...(finished && { finished }) });
}

test('a queue with too many entries evicts the oldest', () => {
  const queue = make({ maxEntries: 3 });
  for (const text of ['a', 'bb', 'c', 'dd', 'e']) add(queue, text);
  assert.equal(queue.numQueued, 3);
  assert.deepEqual(all(queue), ['dd', 'e', 'c']);
});

test('a queue with too many entries evicts those with the most transmissions, even newer ones', () => {
  const queue = make({ maxEntries: 3 });
  add(queue, 'old');
  add(queue, 'newer');
  assert.deepEqual(queue.getBroadcasts(0, 5).map(String).length, 1, 'the newer is sent once');
  add(queue, 'x');
  add(queue, 'y');
  assert.deepEqual(all(queue).sort(), ['old', 'x', 'y']);
});

test('a queue with too many bytes evicts entries until it is within the bound', () => {
  const queue = make({ maxBytes: 10 });
  for (const text of ['aaaa', 'bbbb', 'cc']) add(queue, text);
  assert.deepEqual([queue.numQueued, queue.numBytes], [3, 10]);
  add(queue, 'dddddd');
  assert.deepEqual([queue.numQueued, queue.numBytes], [2, 8]);
  assert.deepEqual(all(queue), ['dddddd', 'cc']);
  let finished = 0;
  add(queue, 'e'.repeat(11), () => finished++);
  assert.deepEqual([queue.numQueued, queue.numBytes, finished], [0, 0, 1], 'it fits nowhere');
});

test('evicted broadcasts are finished once and counted, and their names become free', () => {
  const finished: string[] = [];
  let evicted = 0;
  const queue = make({ maxEntries: 2, evicted: (count) => (evicted += count) });
  for (const name of ['a', 'b', 'c', 'd']) {
    queue.queueBroadcast({ name, message: Buffer.from(name), finished: () => finished.push(name) });
  }
  assert.deepEqual([finished, evicted], [['a', 'b'], 2]);
  queue.queueBroadcast({ name: 'a', message: Buffer.from('a') });
  assert.deepEqual(finished, ['a', 'b', 'c']);
  assert.deepEqual(all(queue), ['a', 'd']);
});

test('a replacement frees its space, so that nothing is evicted in addition', () => {
  let finished = 0;
  const queue = make({ maxEntries: 2, evicted: () => assert.fail('nothing is to be pushed out') });
  for (let n = 0; n < 100; n++) {
    for (const name of ['a', 'b']) {
      queue.queueBroadcast({ name, message: Buffer.from(`${n}`), finished: () => finished++ });
    }
  }
  assert.deepEqual([queue.numQueued, finished], [2, 198]);
});

test('protected broadcasts are never evicted, however often they were sent', () => {
  const queue = make({ maxEntries: 2, keeps: ({ name }) => name === 'me' });
  queue.queueBroadcast({ name: 'me', message: Buffer.from('me') });
  assert.deepEqual(all(queue), ['me']);
  for (let n = 0; n < 50; n++) add(queue, `${n}`);
  assert.equal(queue.numQueued, 2);
  assert.deepEqual(all(queue), ['49', 'me']);
});

test('a callback that queues another broadcast sees a consistent queue', () => {
  const queue = make({ maxEntries: 4 });
  let rounds = 0;
  const again = (): void => {
    if (rounds++ < 20) add(queue, 'again', again);
  };
  for (let n = 0; n < 10; n++) add(queue, 'first', again);
  assert.equal(queue.numQueued, 4);
  assert.equal(queue.numBytes, all(queue).join('').length);
});

test('bytes are counted correctly through every change of the queue', () => {
  const queue = make({ retransmitMult: 1, numNodes: () => 1 });
  for (const text of ['a', 'bb', 'ccc', 'dddd']) add(queue, text);
  assert.equal(queue.numBytes, 10);
  queue.prune(3);
  assert.equal(queue.numBytes, 9);
  queue.getBroadcasts(0, 4);
  assert.equal(queue.numBytes, 5);
  queue.reset();
  assert.equal(queue.numBytes, 0);
});

test('a node without peers that receives claims about ever new members has a bounded queue', () => {
  const harness = makeEngine();
  const { engine, counters } = harness;
  let announced = 0;
  engine.announce(null, () => announced++);
  const most = limits.queuedBroadcasts;
  for (let n = 0; n < most + 5000; n += 5000) {
    const records = Array.from({ length: 5000 }, (_, i) =>
      record(`m${n + i}`, { addr: ip('10.0.0.9'), port: 1 + ((n + i) % 65_535) }),
    );
    runToCompletion(engine.merger.merge(records));
    assert.ok(engine.queue.numQueued <= most);
  }
  assert.ok(engine.queue.numQueued > 0.9 * most);
  assert.ok(counters.evictedBroadcasts >= 5000);
  assert.ok(harness.reported('broadcasts-evicted').length > 0);
  assert.equal(announced, 0, 'what we say of ourselves still waits');
  harness.receive(suspect(ME, { incarnation: 5 }));
  assert.equal(announced, 1, 'and was replaced by the refutation');
});
