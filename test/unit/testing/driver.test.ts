/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { TimeoutError } from '../../../src/index.js';
import { Driver } from '../../../src/testing/driver.js';
import { VirtualClock } from '../../../src/testing/index.js';

function setUp(): { clock: VirtualClock; driver: Driver } {
  const clock = new VirtualClock();
  return { clock, driver: new Driver(clock) };
}

suite('the driver of virtual time', () => {
  test('lets everything that awaits have its turn, to the end, before the next callback', async () => {
    const { clock, driver } = setUp();
    const ran: string[] = [];
    const chain = async (text: string, length: number): Promise<void> => {
      for (let i = 0; i < length; i++) await Promise.resolve();
      ran.push(`${text} at ${clock.now()}`);
    };
    clock.setTimer(10, () => void chain('a', 500));
    clock.setTimer(10, () => void chain('b', 1));
    clock.setTimer(11, () => ran.push('c'));
    await driver.run(20);
    assert.deepEqual(ran, ['a at 10', 'b at 10', 'c']);
    assert.equal(clock.now(), 20);
  });

  test('awaiting code may set timers that are due in the same run', async () => {
    const { clock, driver } = setUp();
    const times: number[] = [];
    const sleeper = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        await new Promise<void>((resolve) => clock.setTimer(10, resolve));
        times.push(clock.now());
      }
    };
    const done = sleeper();
    await driver.run(100);
    await done;
    assert.deepEqual(times, [10, 20, 30, 40, 50]);
  });

  test('until stops once all is done that happens at the time when it holds', async () => {
    const { clock, driver } = setUp();
    let count = 0;
    for (const at of [10, 20, 20, 20, 30]) clock.setTimer(at, () => count++);
    await driver.until(() => count >= 2, 1_000, 'counting');
    assert.deepEqual([clock.now(), count], [20, 4]);
    await assert.rejects(
      driver.until(() => count > 100, 1_000, 'counting'),
      (error) => {
        assert.ok(error instanceof TimeoutError);
        assert.match(error.message, /counting.*1000/);
        return true;
      },
    );
    assert.equal(clock.now(), 1_020);
  });

  test('waiters continue before anything else happens', async () => {
    const { clock, driver } = setUp();
    let late = false;
    clock.setTimer(10, () => undefined);
    clock.setTimer(20, () => (late = true));
    const long = driver.run(100);
    await driver.until(() => clock.now() >= 10, 1_000, 'ten');
    assert.deepEqual([clock.now(), late], [10, false]);
    await long;
    assert.equal(clock.now(), 100);
  });

  test('a time that is none is refused', async () => {
    const { clock, driver } = setUp();
    clock.advance(10);
    for (const ms of [-1, NaN, '5', undefined] as number[]) {
      await assert.rejects(driver.run(ms), RangeError);
      await assert.rejects(
        driver.until(() => false, ms, 'x'),
        RangeError,
      );
    }
    assert.equal(clock.now(), 10);
  });

  test('during() waits for a promise, and returns its result or error', async () => {
    const { clock, driver } = setUp();
    const after = (ms: number): Promise<number> =>
      new Promise((resolve) => clock.setTimer(ms, () => resolve(clock.now())));
    assert.equal(await driver.during(after(50), 'fifty'), 50);
    const failing = after(50).then(() => assert.fail('on purpose'));
    await assert.rejects(driver.during(failing, 'failing'), /on purpose/);
    const never = new Promise<void>(() => undefined);
    await assert.rejects(driver.during(never, 'eternity'), /eternity.*no event is left/);
    clock.setTimer(Infinity, () => undefined);
    await assert.rejects(driver.during(never, 'eternity'), /no event is left/);
  });

  test('what a callback throws ends everything that waits, and time can go on afterwards', async () => {
    const { clock, driver } = setUp();
    clock.setTimer(10, () => assert.fail('on purpose'));
    const runs = [driver.run(100), driver.until(() => false, 50, 'x'), driver.run(20)];
    for (const result of await Promise.allSettled(runs)) {
      assert.ok(result.status === 'rejected');
      assert.match(String(result.reason), /on purpose/);
    }
    assert.equal(clock.now(), 10);
    await driver.run(5);
    assert.equal(clock.now(), 15);
  });

  test('fail() rejects the current waiters, or else the next one', async () => {
    const { driver } = setUp();
    driver.fail(new Error('first'));
    driver.fail(new Error('second'));
    await assert.rejects(driver.run(10), /first/);
    await driver.run(10);
  });

  test('time does not pass during hold()', async () => {
    const { clock, driver } = setUp();
    let free: () => void = () => undefined;
    const held = driver.hold(new Promise<void>((resolve) => (free = resolve)));
    let done = false;
    const run = driver.run(10).then(() => (done = true));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([done, clock.now()], [false, 0]);
    free();
    await Promise.all([held, run]);
    assert.equal(clock.now(), 10);
    await assert.rejects(driver.hold(Promise.reject(new Error('x'))), /x/);
    await driver.run(1);
  });

  test('the real event loop turns now and then in a long run', async () => {
    const { clock, driver } = setUp();
    const tick = (): void => void clock.setTimer(1, tick);
    tick();
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns++;
      if (running) setImmediate(turn);
    };
    turn();
    await driver.run(10_000);
    running = false;
    assert.ok(turns > 5 && turns < 1_000, `${turns} turns`);
  });
});
