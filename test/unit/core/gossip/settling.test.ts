/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Settling } from '../../../../src/core/gossip/settling.js';
import { SeededRandom, VirtualClock } from '../../../../src/testing/index.js';
import type { Random } from '../../../../src/core/ports.js';

// Half way through the draw: no jitter.
const noJitter: Random = { next: () => 0.5 };

function makeSettling(
  options: {
    untilMs?: () => number;
    random?: Random;
    isHealthy?: () => boolean;
    onPush?: () => void;
  } = {},
) {
  const clock = new VirtualClock();
  const times: number[] = [];
  const settling = new Settling(
    { clock, random: options.random ?? noJitter },
    {
      untilMs: options.untilMs ?? (() => 30_000),
      isHealthy: options.isHealthy ?? (() => true),
      pushPull: () => {
        times.push(clock.now());
        options.onPush?.();
      },
    },
  );
  return { clock, times, settling };
}

suite('Settling', () => {
  test('exchanges after 1 s, then 2 s, 4 s, … until the regular interval is reached', () => {
    const { clock, times, settling } = makeSettling();
    settling.start();
    clock.advance(1_000_000);
    assert.deepEqual(times, [1000, 3000, 7000, 15_000, 31_000]);
    assert.equal(clock.pending, 0);
  });

  test('a delay as long as the regular interval is left to the regular push/pull', () => {
    const { clock, times, settling } = makeSettling({ untilMs: () => 4000 });
    settling.start();
    clock.advance(1_000_000);
    assert.deepEqual(times, [1000, 3000]);
  });

  test('each delay varies by up to half, in both directions', () => {
    const least = makeSettling({ random: { next: () => 0 } });
    least.settling.start();
    least.clock.advance(100_000);
    assert.deepEqual(least.times, [500, 1500, 3500, 7500, 15_500]);
    const most = makeSettling({ random: { next: () => 1 - 2 ** -32 } });
    most.settling.start();
    most.clock.advance(100_000);
    assert.deepEqual(
      most.times.map((time) => Math.round(time)),
      [1500, 4500, 10_500, 22_500, 46_500],
    );
  });

  test('nodes that joined together do not exchange state at the same time', () => {
    const random = new SeededRandom('settling');
    const firsts = Array.from({ length: 100 }, () => {
      const { clock, settling } = makeSettling({ random });
      settling.start();
      return clock.nextAt!;
    });
    assert.ok(Math.min(...firsts) >= 500 && Math.max(...firsts) <= 1500);
    assert.ok(Math.min(...firsts) < 600 && Math.max(...firsts) > 1400);
  });

  test('there is no settling without regular push/pulls', () => {
    const { clock, settling } = makeSettling({ untilMs: () => 0 });
    settling.start();
    assert.equal(clock.pending, 0);
  });

  test('when the interval grows with the cluster, the new one applies', () => {
    let untilMs = 2000;
    const { clock, times, settling } = makeSettling({ untilMs: () => untilMs });
    settling.start();
    untilMs = 8000;
    clock.advance(100_000);
    assert.deepEqual(times, [1000, 3000, 7000]);
  });

  test('another join restarts it', () => {
    const { clock, times, settling } = makeSettling({ untilMs: () => 5000 });
    settling.start();
    clock.advance(2500);
    settling.start();
    assert.equal(clock.pending, 1);
    clock.advance(100_000);
    assert.deepEqual(times, [1000, 3500, 5500, 9500]);
  });

  test('after a stop it is inactive, and can be started again', () => {
    const { clock, times, settling } = makeSettling({ untilMs: () => 2000 });
    settling.stop();
    settling.start();
    settling.stop();
    settling.stop();
    assert.equal(clock.pending, 0);
    clock.advance(10_000);
    settling.start();
    clock.advance(10_000);
    assert.deepEqual(times, [11_000]);
  });

  test('an exchange that stops it is the last one', () => {
    const { clock, times, settling } = makeSettling({ onPush: () => settling.stop() });
    settling.start();
    clock.advance(100_000);
    assert.deepEqual(times, [1000]);
  });

  test('while the node is unhealthy an exchange is postponed, by the same delay each time', () => {
    let isHealthy = false;
    const { clock, times, settling } = makeSettling({ isHealthy: () => isHealthy });
    settling.start();
    clock.advance(3500);
    assert.deepEqual(times, []);
    isHealthy = true;
    clock.advance(10_000);
    assert.deepEqual(times, [4000, 6000, 10_000]);
  });

  test('a node that stays unhealthy leaves it to the regular push/pulls', () => {
    const { clock, times, settling } = makeSettling({
      untilMs: () => 4000,
      isHealthy: () => false,
    });
    settling.start();
    clock.advance(100_000);
    assert.deepEqual(times, []);
    assert.equal(clock.pending, 0);
  });

  test('after an exchange of t ms the next one waits for 10 t', () => {
    const { clock, times, settling } = makeSettling();
    const ended = settling.exchangeBegins();
    clock.advance(500);
    ended();
    settling.start();
    clock.advance(20_000);
    assert.deepEqual(times, [5500, 7500, 11_500, 19_500]);
  });

  test('of several exchanges the one that requires the longest pause counts', () => {
    const { clock, times, settling } = makeSettling({ untilMs: () => 20_000 });
    const slow = settling.exchangeBegins();
    clock.advance(500);
    const fast = settling.exchangeBegins();
    clock.advance(5);
    slow();
    fast();
    settling.start();
    clock.advance(6000);
    assert.deepEqual(times, [6505]);
  });

  test('while an exchange is running no other one begins', () => {
    const { clock, times, settling } = makeSettling();
    settling.start();
    clock.advance(500);
    const ended = settling.exchangeBegins();
    clock.advance(1900);
    assert.deepEqual(times, []);
    ended();
    clock.advance(600);
    assert.deepEqual(times, []);
    clock.advance(30_000);
    assert.equal(times[0], 22_000);
  });
});
