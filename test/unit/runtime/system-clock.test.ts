/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The system clock, for a few milliseconds.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { systemClock } from '../../../src/runtime/system-clock.js';

test('it counts milliseconds, with fractions', () => {
  mock.method(process, 'hrtime', () => [7, 1_500_000]);
  try {
    assert.equal(systemClock.now(), 7_001.5);
  } finally {
    mock.restoreAll();
  }
});

test('no timer is early, at whatever fraction of a millisecond it is set', async () => {
  const elapsed = (delayMs: number): Promise<number> => {
    const begun = systemClock.now();
    return new Promise((resolve) => {
      systemClock.setTimer(delayMs, () => resolve(systemClock.now() - begun));
    });
  };
  const delays = Array.from({ length: 200 }, (_, i) => (i * 0.137) % 12);
  // Timers of the clock do not keep the process alive.
  const alive = setInterval(() => undefined, 1_000);
  const times = await Promise.all(delays.map(elapsed));
  clearInterval(alive);
  for (const [i, time] of times.entries()) {
    assert.ok(time >= (delays[i] as number), `${time} ms for ${delays[i]} ms`);
  }
});

test('a timer asks the event loop for one more millisecond, so that one wake-up is enough', () => {
  const asked = mock.method(globalThis, 'setTimeout');
  try {
    const delays = [0, 0.4, 1, 199.3, 2 ** 40];
    const timers = delays.map((ms) => systemClock.setTimer(ms, () => assert.fail('cancelled')));
    for (const timer of timers) timer.cancel();
    assert.deepEqual(
      asked.mock.calls.map((call) => call.arguments[1]),
      [1, 2, 2, 201, 2 ** 31 - 1],
    );
  } finally {
    mock.restoreAll();
  }
});
