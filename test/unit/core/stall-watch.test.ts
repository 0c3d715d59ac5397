/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../src/core/counters.js';
import { Scheduler } from '../../../src/core/scheduler.js';
import type { Report } from '../../../src/core/reports.js';
import { StallWatch } from '../../../src/core/stall-watch.js';
import { SeededRandom } from '../../../src/testing/index.js';
import { makeEngine, type Harness } from './harness.js';
import { StallableClock } from './stallable-clock.js';

/** Two periodic jobs that a stall of over 500 ms is seen by. */
function stage(): { clock: StallableClock; counters: Counters; reports: Report[] } {
  const clock = new StallableClock();
  const counters = new Counters();
  const reports: Report[] = [];
  const report = (each: Report): void => void reports.push(each);
  const { noteLateness } = new StallWatch({ clock, counters, report }, { fromMs: 500 });
  for (const [seed, intervalMs] of [200, 1000].entries()) {
    const init = { intervalMs: () => intervalMs, tick: () => undefined, noteLateness };
    new Scheduler({ clock, random: new SeededRandom(seed) }, init).start();
  }
  clock.advance(3_000);
  return { clock, counters, reports };
}

test('one stall counts once, however many ticks it delayed', () => {
  const { clock, counters, reports } = stage();
  assert.equal(counters.stalls, 0);
  clock.stall(5_000);
  assert.equal(counters.stalls, 1);
  assert.deepEqual(
    reports.map(({ code }) => code),
    ['event-loop-stalled'],
  );
  assert.ok(counters.stallMs > 4_000 && counters.stallMs <= 5_000, `${counters.stallMs}`);
  clock.advance(3_000);
  clock.stall(2_000);
  assert.equal(counters.stalls, 2);
});

test('a shorter delay is not a stall', () => {
  const { clock, counters } = stage();
  for (let i = 0; i < 20; i++) {
    clock.stall(450);
    clock.advance(1_000);
  }
  assert.deepEqual([counters.stalls, counters.stallMs], [0, 0]);
});

/** A node that has nothing to gossip: gossip's ticks would see a stall. */
function quietNode(clock: StallableClock): Harness {
  const effects = { hasUserBroadcasts: () => false };
  const harness = makeEngine({ clock, schedulers: true, effects });
  harness.engine.queue.reset();
  return harness;
}

test('in a node that does nothing but probe, a stall of twice the minimum is always detected', () => {
  for (let at = 0; at < 1_000; at += 37) {
    const clock = new StallableClock();
    const { counters } = quietNode(clock);
    clock.advance(10_000 + at);
    assert.equal(counters.stalls, 0);
    clock.stall(1_100);
    assert.equal(counters.stalls, 1, `a stall that began at ${at}`);
    assert.ok(counters.stallMs > 500 && counters.stallMs <= 1_100);
    clock.advance(3_000);
    assert.equal(counters.stalls, 1);
  }
});

test('the checks between two probes end with the schedulers', () => {
  const clock = new StallableClock();
  const { engine } = makeEngine({ clock, schedulers: true });
  clock.advance(5_000);
  engine.stopSchedulers();
  assert.equal(clock.pending, 0);
  engine.startSchedulers();
  clock.advance(5_000);
  engine.stop();
  assert.equal(clock.pending, 0);
});

test('this also holds if an unanswered probe delayed the next one', () => {
  for (let at = 0; at < 1_000; at += 37) {
    const clock = new StallableClock();
    const harness = quietNode(clock);
    const { counters } = harness;
    // It does not answer: each round ends when the tick comes, and the next begins right then.
    harness.addMember('a');
    clock.advance(3_000);
    harness.engine.queue.reset();
    clock.advance(at);
    const before = counters.stalls;
    clock.stall(1_100);
    assert.equal(counters.stalls - before, 1, `a stall that began at ${at}`);
  }
});

test('a quiet node checks only once between two probes', () => {
  const clock = new StallableClock();
  quietNode(clock);
  clock.advance(5_000);
  let timers = 0;
  const setTimer = clock.setTimer.bind(clock);
  clock.setTimer = (delayMs, callback) => {
    timers++;
    return setTimer(delayMs, callback);
  };
  clock.advance(10_000);
  // A probe's tick, which finds no member, and a check each second; the queue is checked every thirty seconds.
  assert.ok(timers >= 20 && timers <= 21, `${timers} timers`);
});

test('a report that throws does not end the checks', () => {
  const clock = new StallableClock();
  const counters = new Counters();
  let thrown = 0;
  const report = (): void => {
    if (thrown++ === 0) throw new Error('a bug');
  };
  const watch = new StallWatch({ clock, counters, report }, { fromMs: 500 });
  watch.watchUntilTick(60_000);
  assert.throws(() => clock.stall(5_000), /a bug/);
  clock.advance(1_000);
  clock.stall(5_000);
  assert.equal(counters.stalls, 2);
  watch.stop();
  assert.equal(clock.pending, 0);
});
