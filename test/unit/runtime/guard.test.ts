/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../src/core/counters.js';
import type { Report } from '../../../src/core/reports.js';
import { Guard } from '../../../src/runtime/guard.js';
import { VirtualClock } from '../../../src/testing/index.js';

const bug = new TypeError('a bug');

function fail(): never {
  throw bug;
}

function setUp(report: (report: Report) => void = () => undefined) {
  const counters = new Counters();
  const reports: Report[] = [];
  const hooked: Error[] = [];
  const guard = new Guard(
    {
      counters,
      report: (each) => {
        reports.push(each);
        report(each);
      },
    },
    { hook: (error) => hooked.push(error) },
  );
  return { counters, reports, hooked, guard };
}

test('an exception is counted, reported with its peer, and passed to the hook', () => {
  const { counters, reports, hooked, guard } = setUp();
  assert.equal(guard.run(fail), false);
  assert.equal(
    guard.run(() => undefined),
    true,
  );
  guard.failed(bug, '10.0.0.1:7946');
  assert.equal(counters.internalErrors, 2);
  assert.deepEqual(reports, [
    { code: 'internal-error', error: bug },
    { code: 'internal-error', peer: '10.0.0.1:7946', error: bug },
  ]);
  assert.deepEqual(hooked, [bug, bug]);
});

test('if the report fails too, the exception is counted, and nothing is thrown', () => {
  const { counters, guard } = setUp(fail);
  guard.failed(undefined);
  assert.equal(counters.internalErrors, 1);
});

test('a callback of the clock that throws does not throw into the event loop', () => {
  const { counters, guard } = setUp();
  const base = new VirtualClock();
  const clock = guard.clock(base);
  const ran: string[] = [];
  clock.setTimer(1, fail);
  clock.setTimer(2, () => ran.push('timer'));
  clock.setTimer(3, () => ran.push('cancelled')).cancel();
  clock.afterTurn(fail);
  clock.afterTurn(() => ran.push('turn'));
  base.advance(10);
  assert.deepEqual(ran, ['turn', 'timer']);
  assert.equal(counters.internalErrors, 2);
  assert.equal(clock.now(), base.now());
});
