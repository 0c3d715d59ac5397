/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowMs, payloadBytes, stamped, stampOf } from '../../../bench/bus/payload.js';
import { Progress, ProgressReports } from '../../../bench/bus/progress.js';
import { Recorder } from '../../../bench/bus/recorder.js';
import { Updates } from '../../../bench/state/updates.js';

test('a payload has its size, and says which message it is and when it was published', () => {
  const before = nowMs();
  const payload = stamped(3, 70_000);
  assert.equal(payload.length, payloadBytes);
  const { series, number, publishedAt } = stampOf(payload);
  assert.deepEqual([series, number], [3, 70_000]);
  assert.ok(publishedAt >= before && publishedAt <= nowMs());
});

test('the clock is the one that other processes read', () => {
  const before = Number(process.hrtime.bigint()) / 1e6;
  const now = nowMs();
  const after = Number(process.hrtime.bigint()) / 1e6;
  // Both are rounded to microseconds.
  assert.ok(now > before - 0.01 && now < after + 0.01, `${before} ${now} ${after}`);
});

test('a subscriber records each message of the series once', () => {
  const recorder = new Recorder();
  recorder.start(2);
  assert.equal(recorder.take(stamped(1, 0)), false, 'a message of another series');
  for (const number of [0, 1, 2000, 2000]) assert.ok(recorder.take(stamped(2, number)));
  assert.deepEqual(recorder.received, { count: 3, duplicates: 1, outOfOrder: 0 });
  assert.equal(recorder.next, 2001);
  const known = [...recorder.latencies(3)].map((ms) => ms >= 0 && ms < 1_000);
  assert.deepEqual(known, [true, true, false]);
});

test('a subscriber notices a message that comes after a later one', () => {
  const recorder = new Recorder();
  recorder.start(1);
  for (const number of [0, 2, 1]) recorder.take(stamped(1, number));
  assert.deepEqual(recorder.received, { count: 3, duplicates: 0, outOfOrder: 1 });
  recorder.start(2);
  assert.deepEqual(recorder.received, { count: 0, duplicates: 0, outOfOrder: 0 });
  assert.ok(Number.isNaN(recorder.latencies(1)[0]));
});

test('a message of another size, or with an impossible number, is an error', () => {
  const recorder = new Recorder();
  recorder.start(1);
  assert.throws(() => recorder.take(Buffer.alloc(99)), /99 bytes received/);
  assert.throws(() => recorder.take(stamped(1, 2 ** 31)), /too many/);
});

test('the progress of all subscribers is that of the slowest one', async () => {
  const progress = await Progress.open('127.0.0.1');
  progress.reset(2);
  const [one, other] = [
    await ProgressReports.to(progress.address),
    await ProgressReports.to(progress.address),
  ];
  try {
    one.update(500);
    assert.equal(await progress.change(50), false, 'the other one has not reported more than 0');
    assert.equal(progress.least, 0);
    const changed = progress.change(5_000);
    other.update(200);
    assert.equal(await changed, true);
    assert.equal(progress.least, 200);
  } finally {
    one.close();
    other.close();
    progress.close();
  }
});

test('an update is known everywhere when as many nodes as there are have seen it', async () => {
  const updates = new Updates();
  updates.begin('a', 2);
  updates.begin('b', 1);
  updates.seen('a');
  updates.seen('b');
  updates.seen('something else');
  assert.equal(updates.missing, 1);
  const all = updates.allSeen(5_000);
  updates.seen('a');
  await all;
  assert.equal(updates.missing, 0);
  const ms = updates.take();
  assert.equal(ms.length, 2);
  assert.deepEqual(updates.take(), []);
});

test('updates that are not known everywhere in time stay missing', async () => {
  const updates = new Updates();
  updates.begin('a', 2);
  updates.seen('a');
  await updates.allSeen(1);
  assert.equal(updates.missing, 1);
});
