/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NodeClock } from '../../../src/testing/node-clock.js';
import { VirtualClock } from '../../../src/testing/index.js';

function setUp(): {
  base: VirtualClock;
  clock: NodeClock;
  ran: string[];
  note: (text: string) => () => void;
} {
  const base = new VirtualClock();
  const clock = new NodeClock(base);
  const ran: string[] = [];
  const note = (text: string) => () => void ran.push(`${text}@${base.now()}`);
  return { base, clock, ran, note };
}

suite('the clock of a node', () => {
  test('is the common clock as long as nothing happens to it', () => {
    const { base, clock, ran, note } = setUp();
    clock.setTimer(20, note('b'));
    clock.setTimer(10, note('a'));
    clock.setTimer(15, note('canceled')).cancel();
    clock.afterTurn(note('turn'));
    for (const delay of [-1, NaN]) clock.setTimer(delay, note('now'));
    clock.setTimer(Infinity, note('never'));
    assert.equal(clock.pending, 6);
    base.advance(100);
    assert.deepEqual(ran, ['turn@0', 'now@0', 'now@0', 'a@10', 'b@20']);
    assert.equal(clock.now(), 100);
    assert.equal(clock.pending, 1);
  });

  test('with long turns, callbacks for the end of the turn run that much later', () => {
    const base = new VirtualClock();
    const clock = new NodeClock(base, { turnMs: 3 });
    const ran: number[] = [];
    clock.afterTurn(() => {
      ran.push(base.now());
      clock.afterTurn(() => ran.push(base.now()));
    });
    clock.setTimer(1, () => ran.push(base.now()));
    base.advance(10);
    assert.deepEqual(ran, [1, 3, 6]);
  });

  test('frozen it fires nothing; afterwards timers by their time, sockets, then the turn', () => {
    const { base, clock, ran, note } = setUp();
    clock.freeze();
    clock.afterTurn(note('turn'));
    clock.setTimer(30, note('c'));
    clock.setTimer(20, () => {
      note('b')();
      clock.afterTurn(note('turn of b'));
      clock.setTimer(0, note('timer of b'));
    });
    clock.setTimer(10, note('a'));
    const canceled = clock.setTimer(15, note('canceled'));
    base.advance(50);
    canceled.cancel();
    assert.deepEqual(ran, []);
    assert.equal(clock.now(), 50, 'time goes on');
    base.setTimer(0, note('others'));
    clock.thaw(() => base.setTimer(0, note('sockets')));
    base.advance(0);
    assert.deepEqual(
      ran,
      ['others', 'a', 'b', 'c', 'sockets', 'turn', 'turn of b', 'timer of b'].map((x) => `${x}@50`),
    );
    assert.equal(base.pending + clock.pending, 0);
  });

  test('thawing a clock that is not frozen has no effect', () => {
    const { base, clock } = setUp();
    clock.thaw(() => assert.fail('no callback waited'));
    clock.freeze();
    assert.ok(clock.isFrozen);
    clock.thaw(() => undefined);
    assert.ok(!clock.isFrozen);
    assert.equal(base.pending, 0);
  });

  test('frozen a second time before its late timers ran, it holds them again', () => {
    const { base, clock, ran, note } = setUp();
    clock.freeze();
    clock.setTimer(10, note('a'));
    base.advance(20);
    clock.thaw(() => undefined);
    clock.freeze();
    base.advance(20);
    assert.deepEqual(ran, []);
    clock.thaw(() => undefined);
    base.advance(0);
    assert.deepEqual(ran, ['a@40']);
  });

  test('after a jump it is ahead; timers that are then due fire immediately, in order', () => {
    const { base, clock, ran, note } = setUp();
    clock.setTimer(200, note('c'));
    clock.setTimer(90, note('b'));
    clock.setTimer(80, note('a'));
    clock.setTimer(Infinity, note('never'));
    base.advance(10);
    clock.jump(100);
    assert.equal(clock.now(), 110);
    base.advance(0);
    assert.deepEqual(ran, ['a@10', 'b@10']);
    clock.setTimer(5, note('set later'));
    base.advance(1_000);
    assert.deepEqual(ran.slice(2), ['set later@15', 'c@100']);
  });

  test('a jump in a stall makes more timers late', () => {
    const { base, clock, ran, note } = setUp();
    clock.setTimer(500, note('b'));
    clock.setTimer(10, note('a'));
    clock.freeze();
    base.advance(20);
    clock.jump(1_000);
    base.advance(20);
    clock.thaw(() => undefined);
    base.advance(0);
    assert.deepEqual(ran, ['a@40', 'b@40']);
  });

  test('stopped it fires nothing any more and takes no more timers', () => {
    const { base, clock, note, ran } = setUp();
    clock.setTimer(10, note('a'));
    clock.afterTurn(note('turn'));
    clock.stop();
    clock.setTimer(10, note('b')).cancel();
    clock.setTimer(10, note('c'));
    assert.deepEqual([base.pending, clock.pending], [0, 0]);
    base.advance(100);
    assert.deepEqual(ran, []);
  });
});
