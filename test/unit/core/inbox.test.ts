/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../src/core/counters.js';
import { Inbox, type QueuedMessage } from '../../../src/core/inbox.js';
import type { Timer } from '../../../src/core/ports.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { alive, makeEngine, suspect } from './harness.js';

function make(depth = 1024) {
  const clock = new VirtualClock();
  const counters = new Counters();
  const handled: number[] = [];
  const handle = ({ start }: QueuedMessage): void => void handled.push(start);
  const inbox = new Inbox({ clock, counters }, { depth, handle });
  return { clock, counters, inbox, handled };
}

const waiting = (start: number): QueuedMessage => ({
  buf: Buffer.alloc(0),
  start,
  end: 0,
  from: { addr: '10.0.0.1:1' },
});

test('messages wait for the next turn of the event loop, in order', () => {
  const { clock, inbox, handled } = make();
  for (const n of [1, 2, 3]) assert.ok(inbox.add(waiting(n), 'low'));
  assert.deepEqual([handled, inbox.size], [[], 3]);
  clock.advance(0);
  assert.deepEqual([handled, inbox.size], [[1, 2, 3], 0]);
});

test('high-priority messages are handled first', () => {
  const { clock, inbox, handled } = make();
  inbox.add(waiting(1), 'low');
  inbox.add(waiting(2), 'high');
  inbox.add(waiting(3), 'low');
  inbox.add(waiting(4), 'high');
  clock.advance(0);
  assert.deepEqual(handled, [2, 4, 1, 3]);
});

test('each queue has a capacity and refuses further messages', () => {
  const { inbox } = make(3);
  for (let n = 0; n < 3; n++) assert.ok(inbox.add(waiting(n), 'low'));
  assert.equal(inbox.add(waiting(9), 'low'), false);
  for (let n = 0; n < 3; n++) assert.ok(inbox.add(waiting(n), 'high'));
  assert.equal(inbox.add(waiting(9), 'high'), false);
  assert.equal(inbox.size, 6);
});

test('a flood is handled in slices, with turns in between', () => {
  const { clock, inbox, handled } = make(2000);
  for (let n = 0; n < 2000; n++) inbox.add(waiting(n), 'low');
  const slices: number[] = [];
  while (clock.runNext()) slices.push(handled.length);
  assert.ok(slices.length >= 3, slices.join());
  assert.deepEqual(
    handled,
    Array.from({ length: 2000 }, (_, n) => n),
  );
});

test('while every read of the socket is a full one, reading soon takes precedence, and only for that time', () => {
  let ms = 0;
  let work = (): void => undefined;
  const afterTurn = (callback: () => void): Timer => {
    work = callback;
    return { cancel: () => undefined };
  };
  const clock = { now: () => ms, afterTurn, setTimer: () => assert.fail('no timer is needed') };
  const counters = new Counters();
  let handled = 0;
  const inbox = new Inbox({ clock, counters }, { depth: 10_000, handle: () => handled++ });
  /** A turn of 1 ms that brings so many packets of ten messages; how many it handles. */
  const turn = (packets: number): number => {
    const before = handled;
    counters.packetsIn += packets;
    for (let n = 0; n < 10 * packets; n++) assert.ok(inbox.add(waiting(n), 'low'));
    work();
    ms++;
    return handled - before;
  };
  for (let i = 0; i < 20; i++) assert.equal(turn(32), 320, `a burst of ${i} ms is handled whole`);
  assert.equal(turn(32), 64);
  assert.equal(turn(32), 64);
  assert.equal(turn(31), 512, 'the socket was emptied');
  for (let i = 0; i < 20; i++) assert.ok(turn(32) > 64, 'and the next burst is a burst again');
  assert.equal(turn(32), 64);
});

test('a handler may add messages and clear the queue', () => {
  const clock = new VirtualClock();
  let handled = 0;
  const inbox: Inbox = new Inbox(
    { clock, counters: new Counters() },
    {
      depth: 10,
      handle: () => {
        handled++;
        if (handled === 1) inbox.add(waiting(2), 'low');
        if (handled === 2) inbox.clear();
      },
    },
  );
  inbox.add(waiting(1), 'low');
  inbox.add(waiting(3), 'low');
  clock.advance(0);
  assert.equal(handled, 2);
  assert.equal(clock.pending, 0);
});

test('after clear it is empty, needs no turn and can be used again', () => {
  const { clock, inbox, handled } = make();
  inbox.add(waiting(1), 'high');
  inbox.add(waiting(2), 'low');
  inbox.clear();
  assert.deepEqual([inbox.size, clock.pending], [0, 0]);
  inbox.add(waiting(3), 'low');
  clock.advance(0);
  assert.deepEqual(handled, [3]);
});

test('a message whose handler throws affects no other', () => {
  const clock = new VirtualClock();
  const handled: number[] = [];
  const handle = ({ start }: QueuedMessage): void => {
    handled.push(start);
    if (start === 1) throw new Error('broken handler');
  };
  const inbox = new Inbox({ clock, counters: new Counters() }, { depth: 10, handle });
  for (const n of [1, 2, 3]) inbox.add(waiting(n), 'low');
  assert.throws(() => clock.advance(0), /broken handler/);
  inbox.add(waiting(4), 'low');
  clock.advance(0);
  assert.deepEqual(handled, [1, 2, 3, 4]);
});

test('claims beyond a full queue are dropped and counted; pings are still answered', () => {
  const harness = makeEngine({ settings: { handoffQueueDepth: 3 } });
  const claims = Array.from({ length: 5 }, (_, n) => suspect(`x${n}`));
  const ping = { type: 0, seqNo: 1, node: '', sourcePort: 0, sourceNode: '' } as const;
  harness.receive(harness.packet(...claims, alive('a'), { ...ping, sourceAddr: Buffer.alloc(0) }));
  assert.equal(harness.counters.drops.get('queue-full'), 2);
  assert.equal(harness.member('a').state, 'alive', 'the queue of alive claims has its own room');
  assert.equal(harness.sent.length, 1);
});

test('a message whose handler throws does not prevent the handling of the others', () => {
  const clock = new VirtualClock();
  const handled: number[] = [];
  const handle = ({ start }: QueuedMessage): void => {
    handled.push(start);
    if (start % 2 === 0) throw new Error('a bug');
  };
  const inbox = new Inbox({ clock, counters: new Counters() }, { depth: 10, handle });
  for (let start = 0; start < 6; start++) {
    inbox.add({ buf: Buffer.alloc(1), start, end: 1, from: { addr: '10.0.0.1:1' } }, 'low');
  }
  for (let i = 0; i < 3; i++) assert.throws(() => clock.advance(1), /a bug/);
  clock.advance(1);
  assert.deepEqual(handled, [0, 1, 2, 3, 4, 5]);
  assert.equal(inbox.size, 0);
  assert.equal(clock.pending, 0);
});
