/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Behaviour, section 6: the transmit-limited queue.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  TransmitLimitedQueue,
  type Broadcast,
} from '../../../../src/core/gossip/broadcast-queue.js';

function make(members = 10, retransmitMult = 1): TransmitLimitedQueue {
  return new TransmitLimitedQueue({ numNodes: () => members, retransmitMult });
}

const texts = (messages: Uint8Array[]): string[] =>
  messages.map((each) => Buffer.from(each).toString());
const take = (queue: TransmitLimitedQueue, limit = 1000, overhead = 2): string[] =>
  texts(queue.getBroadcasts(overhead, limit));

function add(queue: TransmitLimitedQueue, message: string, more: Partial<Broadcast> = {}): void {
  queue.queueBroadcast({ message: Buffer.from(message), ...more });
}

test('a message is sent mult × ⌈log10(n + 1)⌉ times', () => {
  for (const [members, mult, times] of [
    [1, 4, 4],
    [9, 4, 4],
    [10, 4, 8],
    [99, 2, 4],
    [100, 2, 6],
    [1000, 3, 12],
  ] as const) {
    const queue = make(members, mult);
    add(queue, 'x');
    let sent = 0;
    while (take(queue).length > 0) sent++;
    assert.equal(sent, times, `${members} members, multiplier ${mult}`);
    assert.equal(queue.numQueued, 0);
  }
});

test('broadcasts with the fewest transmissions come first', () => {
  const queue = make(10, 4);
  add(queue, 'old');
  take(queue);
  add(queue, 'new');
  assert.deepEqual(take(queue, 5), ['new']);
});

test('among broadcasts with equal transmissions the longest that still fits comes first', () => {
  const queue = make(10, 4);
  for (const text of ['a', 'bbb', 'cc', 'dddddd']) add(queue, text);
  assert.deepEqual(take(queue, 11), ['dddddd', 'a'], '8 of 11 bytes, then 3');
  assert.deepEqual(take(queue, 9), ['bbb', 'cc']);
});

test('among equally long ones the newest comes first', () => {
  const queue = make();
  for (const text of ['one', 'two', 'six']) add(queue, text);
  assert.deepEqual(take(queue), ['six', 'two', 'one']);
});

test('the byte limit holds, including the overhead', () => {
  const queue = make(10, 100);
  for (let n = 0; n < 100; n++) add(queue, 'x'.repeat(1 + (n % 13)));
  for (const limit of [0, 1, 2, 3, 17, 100, 500]) {
    const used = take(queue, limit, 3).reduce((sum, { length }) => sum + length + 3, 0);
    assert.ok(used <= limit, `${used} of ${limit}`);
  }
});

test('an empty queue returns nothing, and a broadcast that does not fit stays queued', () => {
  const queue = make();
  assert.deepEqual(take(queue), []);
  add(queue, 'x'.repeat(100));
  assert.deepEqual(take(queue, 50), []);
  assert.equal(queue.numQueued, 1);
});

test('a broadcast replaces an older one with its name, which is finished', () => {
  const queue = make(10, 4);
  const finished: string[] = [];
  add(queue, 'old', { name: 'n', finished: () => finished.push('old') });
  add(queue, 'other', { name: 'm', finished: () => finished.push('other') });
  take(queue);
  add(queue, 'new', { name: 'n', finished: () => finished.push('new') });
  assert.deepEqual(finished, ['old']);
  assert.equal(queue.numQueued, 2);
  assert.deepEqual(take(queue), ['new', 'other']);
});

test('a broadcast without a name removes those without one that it invalidates', () => {
  const queue = make();
  const finished: string[] = [];
  add(queue, 'a1', { finished: () => finished.push('a1') });
  add(queue, 'b1');
  add(queue, 'a2', { name: 'named' });
  add(queue, 'a3', {
    invalidates: ({ message }) => Buffer.from(message).toString().startsWith('a'),
  });
  assert.deepEqual(finished, ['a1']);
  assert.deepEqual(take(queue).sort(), ['a2', 'a3', 'b1']);
});

test('finished is called once, after the last transmission', () => {
  const queue = make(10, 1); // twice
  let finished = 0;
  add(queue, 'x', { finished: () => finished++ });
  take(queue);
  assert.equal(finished, 0);
  take(queue);
  assert.equal(finished, 1);
  queue.reset();
  assert.equal(finished, 1);
});

test('prune keeps the broadcasts with the fewest transmissions, and finishes the rest', () => {
  const queue = make(10, 4);
  const finished: string[] = [];
  for (const text of ['x', 'yy', 'zzz']) add(queue, text, { finished: () => finished.push(text) });
  take(queue, 5); // zzz
  queue.prune(2);
  assert.deepEqual(finished, ['zzz']);
  assert.equal(queue.numQueued, 2);
  queue.reset();
  assert.equal(queue.numQueued, 0);
  assert.deepEqual(finished.sort(), ['x', 'yy', 'zzz']);
});

test('a finished callback may queue another broadcast', () => {
  const queue = make(1, 1);
  add(queue, 'first', { finished: () => add(queue, 'second') });
  assert.deepEqual(take(queue), ['first']);
  assert.deepEqual(take(queue), ['second']);
});

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapUsed(): number {
  for (let round = 0; round < 3; round++) collectGarbage();
  return process.memoryUsage().heapUsed;
}

test('a queue that held a whole cluster releases its memory when it is empty again', () => {
  const members = 20_000;
  const before = heapUsed();
  const queue = make(members, 4);
  for (let index = 0; index < members; index++) add(queue, 'x'.repeat(60), { name: `n${index}` });
  const full = heapUsed() - before;
  while (queue.getBroadcasts(2, 1_400).length > 0);
  const drained = heapUsed() - before;
  assert.equal(queue.numQueued, 0);
  assert.ok(drained < full / 10, `${drained} bytes of ${full}`);
});
