/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onAbort, reasonOf, throwIfAborted } from '../../../src/runtime/abort.js';
import { withDeadline } from '../../../src/runtime/deadline.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { OldSignal } from './old-signal.js';

test('a signal without a reason aborts with an AbortError', () => {
  const signal = new OldSignal();
  throwIfAborted(signal.asAbortSignal);
  throwIfAborted(undefined);
  signal.abort();
  assert.equal((reasonOf(signal.asAbortSignal) as Error).name, 'AbortError');
  assert.throws(() => throwIfAborted(signal.asAbortSignal), { name: 'AbortError' });
});

test('a listener is called once, immediately if the signal is already aborted, and not after its removal', () => {
  const reasons: unknown[] = [];
  const { signal, ...controller } = { ...controllerOf() };
  onAbort(signal, (reason) => reasons.push(reason));
  onAbort(signal, () => assert.fail('it stopped'))();
  onAbort(undefined, () => assert.fail('there is no signal'))();
  controller.abort('why');
  onAbort(signal, (reason) => reasons.push(reason))();
  assert.deepEqual(reasons, ['why', 'why']);
});

test('a deadline ends with a signal of another implementation, and removes its listener', async () => {
  const signal = new OldSignal();
  const deadline = { clock: new VirtualClock(), timeoutMs: Infinity, what: 'it' };
  const never = new Promise<never>(() => undefined);
  const waiting = withDeadline(never, { ...deadline, signal: signal.asAbortSignal });
  assert.equal(signal.listeners, 1);
  signal.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  assert.equal(signal.listeners, 0);
});

test('a clock that throws rejects, and work that fails later is not an unhandled rejection', async () => {
  const clock = new VirtualClock();
  clock.setTimer = () => {
    throw new Error('no timers');
  };
  let fail: (error: Error) => void = () => undefined;
  const work = new Promise<never>((_resolve, reject) => (fail = reject));
  const waiting = withDeadline(work, { clock, timeoutMs: 10, what: 'it' });
  await assert.rejects(waiting, /no timers/);
  fail(new Error('too late'));
  await new Promise(setImmediate);
});

function controllerOf(): { signal: AbortSignal; abort: (reason: unknown) => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}
