/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Inbox, type Priority, type Waiting } from '../../../src/core/inbox.js';
import { VirtualClock } from '../../../src/testing/index.js';

const from = { addr: '10.0.0.2:7946' };
const slice = 512;

function makeInbox(options: { depth?: number; onHandle?: (id: number) => void } = {}) {
  const clock = new VirtualClock();
  const handled: number[] = [];
  const handle = ({ buf }: Waiting): void => {
    const id = buf.readUInt32BE(0);
    handled.push(id);
    options.onHandle?.(id);
  };
  const inbox = new Inbox({ clock }, { depth: options.depth ?? 1024, handle });
  const add = (id: number, priority: Priority = 'low'): boolean => {
    const buf = Buffer.alloc(4);
    buf.writeUInt32BE(id);
    return inbox.add({ buf, start: 0, end: 4, from }, priority);
  };
  return { clock, inbox, handled, add };
}

function countTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

suite('Inbox', () => {
  test('messages wait for the end of the turn', () => {
    const { clock, inbox, handled, add } = makeInbox();
    add(1);
    add(2);
    assert.deepEqual([handled, inbox.size], [[], 2]);
    clock.advance(0);
    assert.deepEqual([handled, inbox.size], [[1, 2], 0]);
    assert.equal(clock.pending, 0);
  });

  test('one turn is asked for, however many messages wait', () => {
    const { clock, add } = makeInbox();
    for (const id of countTo(10)) add(id, id % 2 === 0 ? 'low' : 'high');
    assert.equal(clock.pending, 1);
  });

  test('those of high priority come first, and each priority in its order', () => {
    const { clock, handled, add } = makeInbox();
    add(1, 'low');
    add(2, 'high');
    add(3, 'low');
    add(4, 'high');
    clock.advance(0);
    assert.deepEqual(handled, [2, 4, 1, 3]);
  });

  test('what came with high priority meanwhile overtakes the low that still wait', () => {
    const { clock, handled, add } = makeInbox({ onHandle: (id) => void (id === 1 && add(9, 'high')) });
    for (const id of [1, 2, 3]) add(id, 'low');
    clock.advance(0);
    assert.deepEqual(handled, [1, 9, 2, 3]);
  });

  test('each priority has room for its depth and no more', () => {
    const { clock, inbox, handled, add } = makeInbox({ depth: 3 });
    assert.deepEqual(
      countTo(5).map((id) => add(id, 'low')),
      [true, true, true, false, false],
    );
    assert.deepEqual(
      [10, 11, 12, 13].map((id) => add(id, 'high')),
      [true, true, true, false],
    );
    assert.equal(inbox.size, 6);
    clock.advance(0);
    assert.deepEqual(handled, [10, 11, 12, 0, 1, 2]);
    assert.equal(add(5, 'low'), true);
  });

  test('work is cut into slices, with a turn of the event loop between', () => {
    const { clock, inbox, handled, add } = makeInbox({ depth: 2000 });
    for (const id of countTo(slice + 100)) add(id);
    clock.runNext();
    assert.equal(handled.length, slice);
    assert.equal(inbox.size, 100);
    clock.runNext();
    assert.equal(handled.length, slice + 100);
    assert.equal(clock.pending, 0);
  });

  test('a slice that is just full leaves nothing to do', () => {
    const { clock, inbox, add } = makeInbox();
    for (const id of countTo(slice)) add(id);
    clock.runNext();
    assert.deepEqual([inbox.size, clock.pending], [0, 0]);
  });

  test('thousands of messages keep their order while others come', () => {
    const { clock, inbox, handled, add } = makeInbox({
      depth: 5000,
      onHandle: (id) => void (id < 1000 && add(4000 + id)),
    });
    for (const id of countTo(4000)) add(id);
    clock.advance(0);
    assert.equal(inbox.size, 0);
    assert.deepEqual(handled, countTo(5000));
  });

  test('once cleared it forgets what waited and asks for no turn', () => {
    const { clock, inbox, handled, add } = makeInbox();
    add(1, 'high');
    add(2, 'low');
    inbox.clear();
    assert.deepEqual([inbox.size, clock.pending], [0, 0]);
    add(3);
    clock.advance(0);
    assert.deepEqual(handled, [3]);
  });

  test('cleared by a message that it handles, it stops there', () => {
    const { clock, inbox, handled, add } = makeInbox({ onHandle: () => inbox.clear() });
    for (const id of [1, 2, 3]) add(id);
    clock.advance(0);
    assert.deepEqual([handled, clock.pending], [[1], 0]);
  });

  test('a message that makes its handler throw costs no other', () => {
    const { clock, inbox, handled, add } = makeInbox({
      onHandle: (id) => {
        if (id === 1) throw new Error('broken handler');
      },
    });
    for (const id of [1, 2, 3]) add(id);
    assert.throws(() => clock.advance(0), /broken handler/);
    add(4);
    clock.advance(0);
    assert.deepEqual([handled, inbox.size], [[1, 2, 3, 4], 0]);
  });
});
