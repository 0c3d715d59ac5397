/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// In a simulation nothing may come from the real world: everything that could bring its time or its
// chance is trapped, on the globals and in Node's own modules.

import assert from 'node:assert/strict';
import dns from 'node:dns';
import dnsPromises from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { suite, test } from 'node:test';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { everything } from './everything.js';
import { replay } from './replay.js';

type Owner = Record<string, unknown>;

const forbidden: [owner: object, names: string[]][] = [
  [Date, ['now']],
  [performance, ['now', 'timeOrigin']],
  [Math, ['random']],
  [globalThis, ['setTimeout', 'setInterval', 'setImmediate', 'fetch']],
  [timers, ['setTimeout', 'setInterval', 'setImmediate']],
  [timersPromises, ['setTimeout', 'setInterval', 'setImmediate']],
  [AbortSignal, ['timeout']],
  [process, ['hrtime', 'uptime']],
  [dns, ['lookup', 'resolve']],
  [dnsPromises, ['lookup', 'resolve']],
];

/** The driver lets the real event loop turn now and then; nothing else may. */
const isDriver = (stack: string): boolean =>
  /testing\/driver\.[jt]s/.test(stack.split('\n')[2] ?? '');

/** Runs `work` with everything trapped; gives what was touched. */
async function trapped(work: () => Promise<unknown>): Promise<string[]> {
  const touched: string[] = [];
  const restore: (() => void)[] = [];
  const replace = (owner: Owner, name: string): void => {
    const original = Object.getOwnPropertyDescriptor(owner, name);
    const real = owner[name];
    const trap = function (this: unknown, ...args: unknown[]): unknown {
      const stack = new Error(name).stack ?? '';
      if (stack.includes('/src/') && !isDriver(stack)) touched.push(stack);
      return Reflect.apply(real as () => unknown, this, args);
    };
    Object.defineProperty(owner, name, { value: trap, configurable: true, writable: true });
    restore.push(() => {
      if (original) Object.defineProperty(owner, name, original);
      else Reflect.deleteProperty(owner, name);
    });
  };
  for (const [owner, names] of forbidden) {
    for (const name of names) {
      if (typeof (owner as Owner)[name] === 'function') replace(owner as Owner, name);
    }
  }
  const RealDate = globalThis.Date;
  globalThis.Date = new Proxy(RealDate, {
    construct(target, args: unknown[], newTarget) {
      const stack = new Error('new Date').stack ?? '';
      if (args.length === 0 && stack.includes('/src/')) touched.push(stack);
      return Reflect.construct(target, args, newTarget) as object;
    },
  });
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    globalThis.Date = RealDate;
    for (const undo of restore) undo();
    syncBuiltinESMExports();
  }
  return touched;
}

suite('a simulation', () => {
  test('touches neither the real time nor real chance, with encryption and without', async () => {
    assert.deepEqual(await trapped(() => replay(1, true)), []);
    assert.deepEqual(await trapped(() => replay(1, false)), []);
  });

  test('touches neither of them whatever of it is used', async () => {
    assert.deepEqual(await trapped(() => everything(1)), []);
  });

  test('would be caught if it did', async () => {
    const { systemClock } = await import('../../src/runtime/system-clock.js');
    const { systemRandom } = await import('../../src/runtime/system-random.js');
    const touched = await trapped(() => {
      systemClock.now();
      systemClock.setTimer(1, () => undefined).cancel();
      systemClock.afterTurn(() => undefined).cancel();
      systemRandom.next();
      return Promise.resolve();
    });
    const names = touched.map((stack) => /^Error: (\w+)/.exec(stack)?.[1]);
    assert.deepEqual([...new Set(names)].sort(), [
      'hrtime',
      'random',
      'setImmediate',
      'setTimeout',
    ]);
  });
});
