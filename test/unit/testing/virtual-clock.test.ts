/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SeededRandom } from '../../../src/testing/seeded-random.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

suite('VirtualClock', () => {
  test('stands still until it is advanced', () => {
    const clock = new VirtualClock();
    clock.setTimer(0, () => assert.fail('nothing runs by itself'));
    assert.equal(clock.now(), 0);
    assert.equal(clock.pending, 1);
    assert.equal(new VirtualClock({ now: 5.5 }).now(), 5.5);
  });

  test('runs due timers in the order of time, ties in the order of setting', () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    const note = (text: string) => () => ran.push(`${text}@${clock.now()}`);
    clock.setTimer(20, note('c'));
    clock.setTimer(10, note('a'));
    clock.setTimer(20, note('d'));
    clock.setTimer(10.5, note('b'));
    clock.setTimer(21, note('late'));
    clock.advance(20);
    assert.deepEqual(ran, ['a@10', 'b@10.5', 'c@20', 'd@20']);
    assert.equal(clock.now(), 20);
    assert.equal(clock.pending, 1);
    assert.equal(clock.nextAt, 21);
  });

  test('timers that are set by timers run in the same advance when they are due', () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    const tick = (): void => {
      times.push(clock.now());
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    clock.advanceTo(35);
    assert.deepEqual(times, [10, 20, 30]);
    assert.equal(clock.now(), 35);
  });

  test('afterTurn runs at the same time, after everything that was due already', () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.setTimer(10, () => {
      clock.afterTurn(() => {
        ran.push(`turn@${clock.now()}`);
        clock.afterTurn(() => ran.push(`next turn@${clock.now()}`));
        clock.setTimer(0, () => ran.push('after it'));
      });
    });
    clock.setTimer(10, () => ran.push('due'));
    clock.advance(10);
    assert.deepEqual(ran, ['due', 'turn@10', 'next turn@10', 'after it']);
  });

  test('a negative delay and NaN count as 0, an infinite one never comes', () => {
    const clock = new VirtualClock({ now: 100 });
    const ran: number[] = [];
    for (const delay of [-5, NaN]) clock.setTimer(delay, () => ran.push(clock.now()));
    clock.setTimer(Infinity, () => assert.fail('eternity is over'));
    clock.advance(0);
    assert.deepEqual(ran, [100, 100]);
    assert.equal(clock.runNext(), false);
    assert.equal(clock.pending, 1);
  });

  test('a canceled timer does not run, and canceling again or too late has no effect', () => {
    const clock = new VirtualClock();
    const canceled = clock.setTimer(10, () => assert.fail('was canceled'));
    let runs = 0;
    const kept = clock.setTimer(10, () => runs++);
    canceled.cancel();
    canceled.cancel();
    assert.equal(clock.pending, 1);
    clock.advance(10);
    kept.cancel();
    assert.equal(runs, 1);
    assert.equal(clock.pending, 0);
    assert.equal(clock.nextAt, undefined);
  });

  test('a callback can cancel another that is due at the same time', () => {
    const clock = new VirtualClock();
    clock.setTimer(10, () => other.cancel());
    const other = clock.setTimer(10, () => assert.fail('was canceled'));
    clock.advance(10);
  });

  test('runNext goes to the next callback, one at a time', () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    for (const delay of [30, 10, 20]) clock.setTimer(delay, () => times.push(clock.now()));
    assert.equal(clock.runNext(), true);
    assert.deepEqual([clock.now(), times], [10, [10]]);
    while (clock.runNext());
    assert.deepEqual(times, [10, 20, 30]);
  });

  test('time does not go back', () => {
    const clock = new VirtualClock({ now: 10 });
    assert.throws(() => clock.advanceTo(9), RangeError);
    assert.throws(() => clock.advance(-1), RangeError);
    assert.throws(() => clock.advance(NaN), RangeError);
    assert.equal(clock.now(), 10);
  });

  test('a callback that throws stops the advance at its time and loses nothing else', () => {
    const clock = new VirtualClock();
    let runs = 0;
    clock.setTimer(10, () => {
      throw new Error('mine');
    });
    clock.setTimer(10, () => runs++);
    assert.throws(() => clock.advance(50), /mine/);
    assert.deepEqual([clock.now(), clock.pending], [10, 1]);
    clock.advance(0);
    assert.equal(runs, 1);
  });

  test('a callback cannot advance the clock', () => {
    const clock = new VirtualClock();
    clock.setTimer(1, () => clock.setTimer(1, () => undefined));
    clock.setTimer(1, () => clock.advance(1));
    assert.throws(() => clock.advance(1), /cannot advance/);
  });

  test('ten thousand timers, a third of them canceled, run in order', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom('timers');
    const ran: number[] = [];
    const set = Array.from({ length: 10_000 }, (_, id) => {
      const at = Math.floor(random.next() * 500);
      const timer = clock.setTimer(at, () => {
        assert.equal(clock.now(), at);
        ran.push(id);
      });
      return { at, id, timer };
    });
    const expected = set.filter(({ timer }) => {
      if (random.next() > 1 / 3) return true;
      timer.cancel();
      return false;
    });
    assert.equal(clock.pending, expected.length);
    clock.advance(500);
    expected.sort((a, b) => a.at - b.at || a.id - b.id);
    assert.deepEqual(
      ran,
      expected.map(({ id }) => id),
    );
  });
});
