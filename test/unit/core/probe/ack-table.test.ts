/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AckTable, type AckWaiter } from '../../../../src/core/probe/ack-table.js';
import { StallableClock } from '../stallable-clock.js';

const payload = Buffer.from('payload');

function makeTable() {
  const clock = new StallableClock();
  const waiting: (() => void)[] = [];
  const acks = new AckTable({ clock, afterReceived: (then) => void waiting.push(then) });
  /** Everything that had come is handled now. */
  const catchUp = (): void => {
    for (const then of waiting.splice(0)) then();
  };
  const notes: string[] = [];
  const waiter = (name: string): AckWaiter => ({
    acked: (bytes, receivedAt) => notes.push(`${name} acked ${bytes.toString()} @${receivedAt}`),
    nacked: () => notes.push(`${name} nacked`),
    expired: (lateMs) => notes.push(`${name} expired ${lateMs} late`),
  });
  return { clock, acks, catchUp, notes, waiter };
}

suite('AckTable', () => {
  test('an ack goes to the waiter of its number, once, and leaves nothing behind', () => {
    const { clock, acks, notes, waiter } = makeTable();
    acks.expect(7, waiter('a'), 100);
    acks.expect(8, waiter('b'), 100);
    assert.equal(acks.size, 2);
    assert.equal(acks.ack(8, payload, 42), true);
    assert.equal(acks.ack(8, payload, 43), false);
    assert.deepEqual(notes, ['b acked payload @42']);
    assert.deepEqual([acks.has(7), acks.has(8), acks.size, clock.pending], [true, false, 1, 1]);
  });

  test('acks and nacks without a waiter are reported as unexpected', () => {
    const { acks } = makeTable();
    assert.equal(acks.ack(1, payload, 0), false);
    assert.equal(acks.nack(1), false);
  });

  test('nacks are passed on and the wait continues', () => {
    const { acks, notes, waiter } = makeTable();
    acks.expect(7, waiter('a'), 100);
    assert.equal(acks.nack(7), true);
    assert.equal(acks.nack(7), true);
    assert.equal(acks.ack(7, payload, 1), true);
    assert.deepEqual(notes, ['a nacked', 'a nacked', 'a acked payload @1']);
  });

  test('a waiter without a nack callback may get a nack', () => {
    const { acks } = makeTable();
    acks.expect(7, { acked: () => undefined, expired: () => undefined }, 100);
    assert.equal(acks.nack(7), true);
  });

  test('at the deadline the waiter is called, and the table is empty again', () => {
    const { clock, acks, catchUp, notes, waiter } = makeTable();
    acks.expect(7, waiter('a'), 100);
    clock.advance(99);
    catchUp();
    assert.deepEqual(notes, []);
    clock.advance(1);
    catchUp();
    assert.deepEqual(notes, ['a expired 0 late']);
    assert.deepEqual([acks.size, clock.pending], [0, 0]);
    assert.equal(acks.ack(7, payload, 101), false);
  });

  test('an ack that arrived before the deadline counts, even if it is handled later', () => {
    const { clock, acks, catchUp, notes, waiter } = makeTable();
    acks.expect(7, waiter('a'), 100);
    clock.advance(100);
    assert.deepEqual(notes, [], 'no callback before the received packets are processed');
    assert.equal(acks.ack(7, payload, 100), true);
    catchUp();
    assert.deepEqual(notes, ['a acked payload @100']);
  });

  test('it reports how late the deadline was, without the wait that follows', () => {
    const { clock, acks, catchUp, notes, waiter } = makeTable();
    acks.expect(7, waiter('a'), 100);
    clock.stall(350);
    clock.stall(1000);
    catchUp();
    assert.deepEqual(notes, ['a expired 250 late']);
  });

  test('a canceled waiter is not called, whatever arrives', () => {
    const { clock, acks, catchUp, notes, waiter } = makeTable();
    acks.expect(7, waiter('a'), 100);
    acks.expect(8, waiter('b'), 100);
    acks.cancel(7);
    acks.cancel(7);
    acks.cancel(99);
    assert.equal(clock.pending, 1);
    clock.advance(100);
    acks.cancel(8);
    catchUp();
    assert.equal(acks.ack(7, payload, 0), false);
    assert.deepEqual([notes, acks.size], [[], 0]);
  });

  test('a reused number belongs to the new waiter only', () => {
    const { clock, acks, catchUp, notes, waiter } = makeTable();
    acks.expect(7, waiter('old'), 100);
    clock.advance(100);
    acks.expect(7, waiter('new'), 100);
    catchUp();
    assert.deepEqual(notes, []);
    acks.expect(7, waiter('newest'), 300);
    assert.equal(clock.pending, 1);
    clock.advance(100);
    catchUp();
    assert.deepEqual(notes, []);
    clock.advance(200);
    catchUp();
    assert.deepEqual(notes, ['newest expired 0 late']);
  });

  test('a waiter may wait again from inside its callback', () => {
    const { acks, notes, waiter } = makeTable();
    const again: AckWaiter = {
      acked: () => acks.expect(7, waiter('again'), 100),
      expired: () => assert.fail('it was acked'),
    };
    acks.expect(7, again, 100);
    acks.ack(7, payload, 1);
    assert.equal(acks.ack(7, payload, 2), true);
    assert.deepEqual(notes, ['again acked payload @2']);
  });

  test('after clear it is empty and has no timers', () => {
    const { clock, acks, catchUp, notes, waiter } = makeTable();
    acks.expect(7, waiter('a'), 100);
    acks.expect(8, waiter('b'), 50);
    clock.advance(50);
    acks.clear();
    catchUp();
    assert.deepEqual([acks.size, clock.pending, notes], [0, 0, []]);
  });
});
