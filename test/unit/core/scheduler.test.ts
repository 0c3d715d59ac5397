/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scheduler } from '../../../src/core/scheduler.js';
import { SeededRandom, VirtualClock } from '../../../src/testing/index.js';
import { StallableClock } from './stallable-clock.js';

function make(options: { intervalMs?: () => number; seed?: number; clock?: VirtualClock } = {}): {
  clock: VirtualClock;
  ticks: number[];
  scheduler: Scheduler;
} {
  const clock = options.clock ?? new VirtualClock();
  const ticks: number[] = [];
  const scheduler = new Scheduler(
    { clock, random: new SeededRandom(options.seed ?? 1) },
    { intervalMs: options.intervalMs ?? (() => 1000), tick: () => void ticks.push(clock.now()) },
  );
  return { clock, ticks, scheduler };
}

const gaps = (ticks: number[]): number[] =>
  ticks.slice(1).map((at, i) => Math.round((at - ticks[i]!) * 1000) / 1000);

test('the first tick comes at a random moment within the interval, the others an interval apart', () => {
  const firsts = new Set<number>();
  for (let seed = 0; seed < 50; seed++) {
    const { clock, ticks, scheduler } = make({ seed });
    scheduler.start();
    clock.advance(5000);
    assert.equal(ticks.length, 5);
    assert.ok(ticks[0]! < 1000);
    assert.deepEqual(gaps(ticks), [1000, 1000, 1000, 1000]);
    firsts.add(Math.floor(ticks[0]! / 100));
  }
  assert.ok(firsts.size > 7, 'they are spread over the interval');
});

test('a second start and a second stop do nothing', () => {
  const { clock, ticks, scheduler } = make();
  scheduler.stop();
  scheduler.start();
  scheduler.start();
  clock.advance(3000);
  assert.equal(ticks.length, 3);
  scheduler.stop();
  scheduler.stop();
  clock.advance(3000);
  assert.equal(ticks.length, 3);
  assert.equal(clock.pending, 0, 'no timer is left');
});

test('it can be started and stopped repeatedly', () => {
  const { clock, ticks, scheduler } = make();
  for (let round = 1; round <= 20; round++) {
    scheduler.start();
    clock.advance(1000);
    scheduler.stop();
    assert.equal(ticks.length, round);
  }
});

test('an interval of 0 keeps it off', () => {
  const { clock, ticks, scheduler } = make({ intervalMs: () => 0 });
  scheduler.start();
  clock.advance(10_000);
  assert.deepEqual(ticks, []);
  assert.equal(clock.pending, 0);
});

test('the interval is evaluated before every tick', () => {
  let interval = 1000;
  const { clock, ticks, scheduler } = make({ intervalMs: () => interval });
  scheduler.start();
  clock.advance(1000);
  interval = 3000;
  clock.advance(9000);
  assert.deepEqual(gaps(ticks).slice(0, 3), [1000, 3000, 3000]);
});

test('a tick may stop its own scheduler', () => {
  const clock = new VirtualClock();
  let ticks = 0;
  const scheduler: Scheduler = new Scheduler(
    { clock, random: new SeededRandom(1) },
    {
      intervalMs: () => 100,
      tick: () => {
        ticks++;
        scheduler.stop();
      },
    },
  );
  scheduler.start();
  clock.advance(1000);
  assert.equal(ticks, 1);
});

test('slightly late ticks do not accumulate', () => {
  const clock = new StallableClock();
  const { ticks, scheduler } = make({ clock });
  scheduler.start();
  clock.advance(1000);
  const first = ticks[0]!;
  clock.stall(500 + first);
  assert.deepEqual(ticks.slice(1), [1500 + first], 'half an interval late');
  clock.advance(500);
  assert.deepEqual(ticks.slice(2), [2000 + first]);
});

test('after a tick that throws the next one still comes', () => {
  const clock = new VirtualClock();
  const tick = (): void => {
    throw new Error('broken work');
  };
  const random = { next: () => 0.5 };
  const scheduler = new Scheduler({ clock, random }, { intervalMs: () => 100, tick });
  scheduler.start();
  for (let n = 0; n < 3; n++) assert.throws(() => clock.advance(100), /broken work/);
});

test('ticks missed in a stall are not made up for', () => {
  const clock = new StallableClock();
  const { ticks, scheduler } = make({ clock });
  scheduler.start();
  clock.stall(10_000);
  assert.ok(ticks.length <= 2, `${ticks.length} ticks at once`);
});

test('restartInterval: the next tick comes a whole interval from now, if it is running', () => {
  const { clock, ticks, scheduler } = make();
  scheduler.restartInterval();
  assert.equal(clock.pending, 0);
  scheduler.start();
  clock.advance(999);
  const before = ticks.length;
  scheduler.restartInterval();
  clock.advance(999);
  assert.equal(ticks.length, before);
  clock.advance(1);
  assert.equal(ticks.length, before + 1);
});

/** Ticks 5 times a second, while there is work. */
function makeRestful(clock = new VirtualClock()) {
  const work = { left: 0 };
  const ticks: number[] = [];
  const lateness: number[] = [];
  const scheduler = new Scheduler(
    { clock, random: new SeededRandom(1) },
    {
      intervalMs: () => 200,
      tick: () => {
        ticks.push(clock.now());
        work.left--;
      },
      mayPause: () => work.left === 0,
      noteLateness: (lateMs) => void lateness.push(lateMs),
    },
  );
  const give = (amount: number): void => {
    work.left += amount;
    scheduler.wake();
  };
  return { clock, ticks, lateness, scheduler, give };
}

test('a scheduler without work pauses: there is no tick and no timer', () => {
  const { clock, ticks, scheduler } = makeRestful();
  scheduler.start();
  assert.equal(clock.pending, 1);
  clock.advance(200);
  assert.equal(clock.pending, 0);
  clock.advance(3_600_000);
  assert.deepEqual(ticks, []);
});

test('after a pause it ticks at the exact moments at which it would have, and pauses again', () => {
  const { clock, ticks, scheduler: steady } = make({ intervalMs: () => 200 });
  const { ticks: some, lateness, scheduler: restful, give } = makeRestful(clock);
  steady.start();
  restful.start();
  clock.advance(1_000);
  const begins = [1_000.3, 5_333.7, 5_600.01, 250_000.9, 260_000];
  for (const begin of begins) {
    clock.advance(begin - clock.now());
    give(3);
  }
  clock.advance(10_000);
  assert.equal(some.length, 3 * begins.length);
  for (const at of some) assert.ok(ticks.includes(at), `${at}`);
  assert.ok(lateness.every((lateMs) => lateMs === 0));
  steady.stop();
  assert.equal(clock.pending, 0);
});

test('a pause of any length ends within one interval, without a delay', () => {
  const { clock, ticks, scheduler, give } = makeRestful();
  scheduler.start();
  clock.advance(365 * 24 * 3_600_000);
  give(2);
  const woken = clock.now();
  clock.advance(200);
  assert.ok(ticks.length === 1 && (ticks[0] as number) >= woken);
});

test('waking a scheduler that is not paused, is stopped, or was never started, changes nothing', () => {
  const { clock, ticks, scheduler, give } = makeRestful();
  give(1_000);
  assert.equal(clock.pending, 0);
  scheduler.start();
  clock.advance(1_000);
  assert.equal(ticks.length, 5);
  for (let i = 0; i < 10; i++) scheduler.wake();
  assert.equal(clock.pending, 1);
  scheduler.stop();
  scheduler.wake();
  assert.equal(clock.pending, 0);
});

test('a paused scheduler can be stopped and started', () => {
  const { clock, ticks, scheduler, give } = makeRestful();
  scheduler.start();
  clock.advance(1_000);
  scheduler.start();
  assert.equal(clock.pending, 0, 'it rests on');
  scheduler.stop();
  give(1);
  assert.equal(clock.pending, 0);
  scheduler.start();
  clock.advance(200);
  assert.equal(ticks.length, 1);
});

for (const what of ['intervalMs', 'noteLateness', 'mayPause', 'tick'] as const) {
  test(`the next tick also comes when ${what} throws`, () => {
    const clock = new VirtualClock();
    const ticks: number[] = [];
    let asked = 0;
    const bug = (at: string): void => {
      if (at === what && asked++ === 3) throw new Error('a bug');
    };
    const init = {
      intervalMs: () => (bug('intervalMs'), 1_000),
      noteLateness: () => bug('noteLateness'),
      mayPause: () => (bug('mayPause'), false),
      tick: () => {
        ticks.push(clock.now());
        bug('tick');
      },
    };
    new Scheduler({ clock, random: new SeededRandom(1) }, init).start();
    assert.throws(() => clock.advance(10_000), /a bug/);
    const before = ticks.length;
    assert.ok(before === 2 || before === 3 || before === 4, `${before}`);
    clock.advance(10_000);
    assert.ok(ticks.length >= before + 9, `${ticks.length - before} more`);
    assert.equal(clock.pending, 1, 'one timer, and no more');
  });
}
