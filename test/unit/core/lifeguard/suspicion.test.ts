/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Suspicion } from '../../../../src/core/lifeguard/suspicion.js';
import { VirtualClock } from '../../../../src/testing/index.js';

interface Setup {
  wanted?: number;
  minMs?: number;
  maxMs?: number;
  /** Keeps what waits for the catch-up instead of calling it at once. */
  isBehind?: boolean;
  /** Called when time is up, before that is noted. */
  onExpiry?: () => void;
}

function suspect({
  wanted = 3,
  minMs = 2000,
  maxMs = 30_000,
  isBehind = false,
  ...setup
}: Setup = {}) {
  const clock = new VirtualClock({ now: 500 });
  const fired: { atMs: number; confirmations: number }[] = [];
  const waiting: (() => void)[] = [];
  const afterReceived = (then: () => void): void => {
    if (isBehind) waiting.push(then);
    else then();
  };
  const expired = (confirmations: number): void => {
    setup.onExpiry?.();
    fired.push({ atMs: clock.now() - 500, confirmations });
  };
  const suspicion = new Suspicion(
    { clock, afterReceived },
    { accuser: 'accuser', wanted, minMs, maxMs, expired },
  );
  return { clock, fired, waiting, suspicion };
}

test('a suspicion without confirmations lasts max', () => {
  const { clock, fired } = suspect();
  clock.advance(29_999);
  assert.deepEqual(fired, []);
  clock.advance(1);
  assert.deepEqual(fired, [{ atMs: 30_000, confirmations: 0 }]);
});

test('a suspicion that wants no confirmation lasts min', () => {
  const { clock, fired, suspicion } = suspect({ wanted: 0 });
  assert.equal(suspicion.confirm('b'), false);
  clock.advance(1999);
  assert.deepEqual(fired, []);
  clock.advance(1);
  assert.deepEqual(fired, [{ atMs: 2000, confirmations: 0 }]);
});

for (const [confirmers, atMs] of [
  [['b'], 16_000],
  [['b', 'c'], 7810],
  [['b', 'c', 'd'], 2000],
] as const) {
  test(`${confirmers.length} of 3 confirmations reduce it to ${atMs} ms from its start`, () => {
    const { clock, fired, suspicion } = suspect();
    clock.advance(1500);
    for (const confirmer of confirmers) assert.equal(suspicion.confirm(confirmer), true);
    assert.equal(suspicion.confirmations, confirmers.length);
    clock.advance(60_000);
    assert.deepEqual(fired, [{ atMs, confirmations: confirmers.length }]);
  });
}

test('the first accuser does not count as a confirmation', () => {
  const { clock, fired, suspicion } = suspect();
  assert.equal(suspicion.confirm('accuser'), false);
  assert.equal(suspicion.confirmations, 0);
  clock.advance(60_000);
  assert.deepEqual(fired, [{ atMs: 30_000, confirmations: 0 }]);
});

test('a second confirmation from the same member does not count', () => {
  const { clock, fired, suspicion } = suspect();
  assert.equal(suspicion.confirm('b'), true);
  assert.equal(suspicion.confirm('b'), false);
  assert.equal(suspicion.confirmations, 1);
  clock.advance(60_000);
  assert.deepEqual(fired, [{ atMs: 16_000, confirmations: 1 }]);
});

test('no more confirmations count than are wanted', () => {
  const { clock, fired, suspicion } = suspect();
  const counted = ['b', 'c', 'd', 'e'].map((name) => suspicion.confirm(name));
  assert.deepEqual(counted, [true, true, true, false]);
  assert.equal(suspicion.confirmations, 3);
  assert.equal(suspicion.wanted, 3);
  clock.advance(60_000);
  assert.deepEqual(fired, [{ atMs: 2000, confirmations: 3 }]);
});

test('a confirmation after the reduced timeout makes the suspicion fire at once', () => {
  const { clock, fired, suspicion } = suspect();
  clock.advance(20_000);
  assert.equal(suspicion.confirm('b'), true);
  clock.advance(0);
  assert.deepEqual(fired, [{ atMs: 20_000, confirmations: 1 }]);
});

test('a suspicion fires once, and counts nothing afterwards', () => {
  const { clock, fired, suspicion } = suspect();
  clock.advance(30_000);
  assert.equal(suspicion.confirm('b'), false);
  clock.advance(60_000);
  assert.equal(fired.length, 1);
  assert.equal(clock.pending, 0);
});

test('a canceled suspicion does not fire, and leaves no timer', () => {
  const { clock, fired, suspicion } = suspect();
  suspicion.confirm('b');
  suspicion.cancel();
  assert.equal(clock.pending, 0);
  assert.equal(suspicion.confirm('c'), false);
  clock.advance(60_000);
  assert.deepEqual(fired, []);
});

test('a timer that fires waits until the received packets are processed', () => {
  const { clock, fired, waiting } = suspect({ isBehind: true });
  clock.advance(30_000);
  assert.deepEqual(fired, []);
  assert.equal(waiting.length, 1);
  for (const then of waiting) then();
  assert.equal(fired.length, 1);
});

test('a refutation among the received packets prevents it from firing', () => {
  const { clock, fired, waiting, suspicion } = suspect({ isBehind: true });
  clock.advance(30_000);
  suspicion.cancel();
  for (const then of waiting) then();
  assert.deepEqual(fired, []);
});

test('a confirmation among the received packets does not make it fire twice', () => {
  const { clock, fired, waiting, suspicion } = suspect({ isBehind: true });
  clock.advance(30_000);
  assert.equal(suspicion.confirm('b'), true);
  clock.advance(60_000);
  for (const then of waiting) then();
  assert.deepEqual(
    fired.map(({ confirmations }) => confirmations),
    [1],
  );
});

test('if the callback throws it is called again after min, but not after a cancel', () => {
  let tries = 0;
  const onExpiry = (): void => {
    if (tries++ < 2) throw new Error('a bug');
  };
  const { clock, fired, suspicion } = suspect({ wanted: 0, onExpiry });
  for (let i = 0; i < 2; i++) assert.throws(() => clock.advance(2000), /a bug/);
  clock.advance(2000);
  assert.deepEqual(fired, [{ atMs: 6000, confirmations: 0 }]);
  suspicion.cancel();
  assert.equal(clock.pending, 0);

  const other = suspect({
    wanted: 0,
    onExpiry: () => {
      other.suspicion.cancel();
      throw new Error('a bug');
    },
  });
  assert.throws(() => other.clock.advance(2000), /a bug/);
  assert.equal(other.clock.pending, 0);
});
