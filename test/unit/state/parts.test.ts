/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Small parts: boot ids, held changes, expiry, answers to peers, and new boot ids.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootAfter, bootMs, drawBoot, noBoot } from '../../../src/state/boot.js';
import { ExpiryQueue, type Expiring } from '../../../src/state/expiry.js';
import { Gaps } from '../../../src/state/gaps.js';
import { stateLimits } from '../../../src/state/limits.js';
import { OwnBoot } from '../../../src/state/own-boot.js';
import { PeerAllowances } from '../../../src/state/peer-allowance.js';
import { Replica } from '../../../src/state/replica.js';
import { SeededRandom, VirtualClock } from '../../../src/testing/index.js';
import { boot, entry, received } from './maps.js';

const random = new SeededRandom('parts');

test('boot ids are ordered by time, and a later one is larger than any given one', () => {
  const clock = new VirtualClock();
  const first = drawBoot(clock, random);
  assert.ok(first > noBoot);
  clock.advance(5);
  const second = drawBoot(clock, random);
  assert.ok(second > first);
  assert.equal(bootMs(second), 5);
  const ahead = boot(1e12, 0xffff);
  assert.ok(bootAfter(ahead, clock, random) > ahead);
  clock.advance(1e6);
  assert.equal(bootMs(bootAfter(first, clock, random)), 1_000_005);
  const wall = { ...clock, now: () => 7, wallNow: () => 1_700_000_000_000 };
  assert.equal(bootMs(drawBoot(wall as never, random)), 1_700_000_000_000);
});

test('changes are held until they follow, and what is missing is asked for', () => {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const gaps = new Gaps({ clock, ask: (name, from) => void asked.push(`${name} from ${from}`) });
  const third = received({ from: 2, entries: [entry(3, 'x', '3')] });
  const fourth = received({ from: 3, entries: [entry(4, 'x', '4')] });
  assert.ok(gaps.hold(fourth, 'b'));
  assert.ok(gaps.hold(third, 'c') === false || gaps.bytes > 0);
  assert.equal(gaps.hold(fourth, 'c'), false);
  clock.advance(29);
  assert.deepEqual(asked, []);
  clock.advance(1);
  assert.deepEqual(asked, ['a from c']);
  const replica = new Replica('a');
  replica.boot = boot(1);
  replica.version = 3;
  assert.deepEqual(gaps.next(replica)?.to, 4);
  assert.equal(gaps.next(replica), undefined);
  assert.equal(gaps.bytes, 0);
  clock.advance(1_000);
  assert.deepEqual(asked, ['a from c']);
});

test('held changes end after some time, and are bounded', () => {
  const clock = new VirtualClock();
  const gaps = new Gaps({ clock, ask: () => undefined });
  for (let i = 0; i < 100; i++) {
    gaps.hold(received({ from: 2 * i + 2, to: 2 * i + 3 }), 'b');
  }
  assert.equal(gaps.bytes, stateLimits.heldPerMap * stateLimits.entryBytes);
  const value = 'v'.repeat(1 << 20);
  for (let i = 0; i < 10; i++) {
    gaps.hold(received({ name: `n${i}`, from: 1, entries: [entry(2, 'x', value)] }), 'b');
  }
  assert.ok(gaps.bytes <= stateLimits.heldBytes && gaps.bytes > stateLimits.heldBytes / 2);
  clock.advance(1_000);
  assert.deepEqual([gaps.bytes, clock.pending], [0, 0]);
});

test('keys expire in order, and replaced ones do not', () => {
  const replaced = new Set<Expiring>();
  const queue = new ExpiryQueue({ isCurrent: (item) => !replaced.has(item) });
  const items = Array.from({ length: 500 }, (_, i) => {
    const expiresAt = Math.floor(random.next() * 1_000);
    const rest = { version: i, value: '', since: 0, isExpired: false, isValid: undefined };
    return { name: 'a', key: `${i}`, entry: { ...rest, expiresAt } };
  });
  for (const item of items) {
    queue.add(item);
    if (random.next() < 0.7) replaced.add(item);
  }
  assert.ok(queue.size < 500);
  const expired: number[] = [];
  for (let item = queue.take(600); item; item = queue.take(600)) expired.push(item.entry.expiresAt);
  const due = items.filter((item) => !replaced.has(item) && item.entry.expiresAt <= 600);
  assert.deepEqual(
    expired,
    due.map(({ entry: { expiresAt } }) => expiresAt).sort((a, b) => a - b),
  );
  assert.ok(queue.nextAt > 600);
});

test('a peer is answered as often as it may ask, and with one stream at a time', async () => {
  const clock = new VirtualClock();
  const allowances = new PeerAllowances(clock);
  assert.equal(allowances.takePackets('a', 1_000), stateLimits.answerBurst);
  assert.equal(allowances.takePackets('a', 1), 0);
  assert.equal(allowances.takePackets('b', 1), 1);
  clock.advance(1_000);
  assert.equal(allowances.takePackets('a', 1_000), stateLimits.answersPerSecond);
  const ends: (() => void)[] = [];
  for (let i = 0; i < stateLimits.streams; i++) {
    assert.ok(allowances.mayStream(`${i}`));
    allowances.streaming(`${i}`, new Promise((resolve) => ends.push(resolve)));
    assert.equal(allowances.mayStream(`${i}`), false);
  }
  assert.equal(allowances.mayStream('another'), false);
  allowances.forget('0');
  for (const end of ends) end();
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(allowances.mayStream('another'));
  assert.equal(allowances.mayStream('1'), false);
  clock.advance(stateLimits.streamPauseMs);
  assert.ok(allowances.mayStream('1'));
});

test('a node takes a larger boot id than a peer claims, ever more rarely', () => {
  const clock = new VirtualClock();
  const taken: { boot: string; at: number }[] = [];
  const republish = (id: string): void => void taken.push({ boot: id, at: clock.now() });
  const own = new OwnBoot({ clock, random, republish });
  for (let i = 0; i < 6_000; i++) {
    own.claimed(boot(1_000_000 + i));
    clock.advance(100);
  }
  assert.ok(taken.every(({ boot: id, at }) => bootMs(id) >= 1_000_001 && at >= 0));
  const pauses = taken.slice(1).map(({ at }, i) => at - (taken[i]?.at ?? 0));
  assert.ok(
    pauses.every((ms, i) => ms >= Math.min(60_000, 1_000 * 2 ** i)),
    pauses.join(),
  );
  assert.ok(taken.length < 18, `${taken.length}`);
  clock.advance(3_600_000);
  own.claimed(boot(9e6));
  const before = taken.length;
  clock.advance(0);
  assert.equal(taken.length, before + 1);
});

test('a node takes no boot id that its peers would refuse', () => {
  const clock = new VirtualClock();
  const taken: string[] = [];
  const own = new OwnBoot({ clock, random, republish: (id) => void taken.push(id) });
  own.claimed(boot(stateLimits.bootAheadMs));
  clock.advance(59_000);
  assert.deepEqual(taken, []);
  clock.advance(120_000);
  assert.equal(taken.length, 1);
  assert.ok(bootMs(taken[0]!) > stateLimits.bootAheadMs);
});
