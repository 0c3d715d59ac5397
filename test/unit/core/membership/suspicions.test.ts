/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One timer a name; what a suspicion does to the table is in apply-suspect.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../../src/core/counters.js';
import { Suspicions } from '../../../../src/core/membership/suspicions.js';
import type { Effects } from '../../../../src/core/ports.js';
import { SeededRandom, VirtualClock } from '../../../../src/testing/index.js';
import { settingsFor } from '../harness.js';

function makeSuspicions() {
  const clock = new VirtualClock();
  const counters = new Counters();
  const effects = { report: () => undefined } as Partial<Effects> as Effects;
  const settings = settingsFor();
  const context = { settings, clock, random: new SeededRandom(1), effects, counters };
  const suspicions = new Suspicions({ context, afterReceived: (then) => then() });
  const fired: string[] = [];
  const start = (name: string, members = 10): void =>
    suspicions.start({ name, accuser: 'accuser', members, expired: () => fired.push(name) });
  return { clock, counters, suspicions, fired, start };
}

test('each name has its own suspicion', () => {
  const { clock, suspicions, fired, start } = makeSuspicions();
  start('a', 2);
  clock.advance(1000);
  start('b', 2);
  assert.equal(suspicions.size, 2);
  assert.deepEqual([suspicions.has('a'), suspicions.has('c')], [true, false]);
  clock.advance(3000);
  assert.deepEqual(fired, ['a']);
  clock.advance(1000);
  assert.deepEqual(fired, ['a', 'b']);
});

test('a name cannot have two suspicions at the same time', () => {
  const { suspicions, start } = makeSuspicions();
  start('a');
  assert.throws(() => start('a'), /a is already under suspicion/);
  suspicions.settle('a');
  start('a');
  assert.equal(suspicions.size, 1);
});

test('confirmations are counted by name, and only while a suspicion runs', () => {
  const { suspicions, start } = makeSuspicions();
  start('a');
  assert.equal(suspicions.confirm('a', 'x'), true);
  assert.equal(suspicions.confirm('a', 'x'), false);
  assert.equal(suspicions.confirm('b', 'x'), false);
  assert.equal(suspicions.confirmations('a'), 1);
  assert.equal(suspicions.confirmations('b'), undefined);
});

test('a settled or cleared suspicion does not fire, is not counted as unconfirmed, and leaves no timer', () => {
  const { clock, counters, suspicions, fired, start } = makeSuspicions();
  for (const name of ['a', 'b', 'c']) start(name);
  suspicions.settle('a');
  suspicions.settle('unknown');
  suspicions.clear();
  assert.equal(suspicions.size, 0);
  assert.equal(clock.pending, 0);
  clock.advance(100_000);
  assert.deepEqual(fired, []);
  assert.equal(counters.unconfirmedSuspicionTimeouts, 0);
});
