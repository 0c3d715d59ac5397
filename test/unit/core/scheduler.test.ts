/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Scheduler } from '../../../src/core/scheduler.js';
import { SeededRandom, VirtualClock } from '../../../src/testing/index.js';
import { StallingClock } from './probe-harness.js';

interface Options {
  readonly phase?: number;
  readonly intervalMs?: () => number;
  readonly clock?: VirtualClock;
  readonly onTick?: () => void;
}

function makeScheduler(options: Options = {}) {
  const clock = options.clock ?? new VirtualClock({ now: 1000 });
  const ticks: number[] = [];
  const scheduler = new Scheduler(
    { clock, random: { next: () => options.phase ?? 0.25 } },
    {
      intervalMs: options.intervalMs ?? (() => 100),
      tick: () => {
        ticks.push(clock.now());
        options.onTick?.();
      },
    },
  );
  return { clock, ticks, scheduler };
}

suite('Scheduler', () => {
  test('ticks first at a random moment within the interval, then every interval', () => {
    const { clock, ticks, scheduler } = makeScheduler({ phase: 0.25 });
    scheduler.start();
    clock.advance(425);
    assert.deepEqual(ticks, [1025, 1125, 1225, 1325, 1425]);
  });

  test('many of them are spread over the whole of their first interval', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom('stagger');
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 200; i++) {
      const tick = (): void => {
        tenths[Math.floor(clock.now() / 10)]!++;
        scheduler.stop();
      };
      const scheduler = new Scheduler({ clock, random }, { intervalMs: () => 100, tick });
      scheduler.start();
    }
    clock.advance(100);
    assert.equal(
      tenths.reduce((sum, count) => sum + count),
      200,
    );
    for (const count of tenths) assert.ok(count > 5, `uneven: ${tenths.join()}`);
  });

  test('does nothing before it is started', () => {
    const { clock, ticks } = makeScheduler();
    clock.advance(1000);
    assert.deepEqual(ticks, []);
  });

  test('started again while it runs, it goes on as before', () => {
    const { clock, ticks, scheduler } = makeScheduler();
    scheduler.start();
    scheduler.start();
    clock.advance(50);
    scheduler.start();
    clock.advance(150);
    assert.deepEqual(ticks, [1025, 1125]);
    assert.equal(clock.pending, 1);
  });

  test('stopped any number of times, it is silent and leaves no timer', () => {
    const { clock, ticks, scheduler } = makeScheduler();
    scheduler.stop();
    scheduler.start();
    clock.advance(130);
    scheduler.stop();
    scheduler.stop();
    assert.equal(clock.pending, 0);
    clock.advance(1000);
    assert.deepEqual(ticks, [1025, 1125]);
  });

  test('starts again after a stop, at a phase of its own', () => {
    const { clock, ticks, scheduler } = makeScheduler();
    for (let round = 0; round < 3; round++) {
      scheduler.start();
      clock.advance(110);
      scheduler.stop();
      clock.advance(390);
    }
    assert.deepEqual(ticks, [1025, 1525, 2025]);
  });

  test('an interval of 0 keeps it off', () => {
    const { clock, ticks, scheduler } = makeScheduler({ intervalMs: () => 0 });
    scheduler.start();
    assert.equal(clock.pending, 0);
    clock.advance(1000);
    assert.deepEqual(ticks, []);
    scheduler.stop();
  });

  test('asks for the interval anew at every tick', () => {
    let interval = 100;
    const { clock, ticks, scheduler } = makeScheduler({ intervalMs: () => interval });
    scheduler.start();
    clock.advance(50);
    interval = 300;
    clock.advance(75 + 300);
    assert.deepEqual(ticks, [1025, 1125, 1425]);
  });

  test('a tick that stops it is the last', () => {
    const { clock, ticks, scheduler } = makeScheduler({ onTick: () => scheduler.stop() });
    scheduler.start();
    clock.advance(1000);
    assert.deepEqual(ticks, [1025]);
    assert.equal(clock.pending, 0);
  });

  test('a tick that throws is not the last', () => {
    const { clock, ticks, scheduler } = makeScheduler({
      onTick: () => {
        throw new Error('broken work');
      },
    });
    scheduler.start();
    assert.throws(() => clock.advance(50), /broken work/);
    assert.throws(() => clock.advance(100), /broken work/);
    assert.deepEqual(ticks, [1025, 1125]);
  });

  test('ticks a little late do not add up', () => {
    const clock = new StallingClock();
    const { ticks, scheduler } = makeScheduler({ clock });
    scheduler.start();
    clock.stall(10);
    clock.advance(25);
    assert.deepEqual(ticks, [35]);
    clock.advance(90);
    assert.deepEqual(ticks, [35, 125]);
  });

  test('ticks that were missed in a stall are not caught up with', () => {
    const clock = new StallingClock();
    const { ticks, scheduler } = makeScheduler({ clock });
    scheduler.start();
    clock.stall(1000);
    clock.advance(25);
    assert.deepEqual(ticks, [1025]);
    clock.advance(99);
    assert.deepEqual(ticks, [1025]);
    clock.advance(1);
    assert.deepEqual(ticks, [1025, 1125]);
  });
});
