/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The parts of the agent's page that need no socket.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Bodies } from '../../../src/cli/page/bodies.js';
import { mayBeAskedAs } from '../../../src/cli/page/host-header.js';
import { Kept, nextTurn, Turns } from '../../../src/cli/page/kept.js';
import { pageLimits } from '../../../src/cli/page/limits.js';
import { VirtualClock } from '../../../src/testing/index.js';

test('a few answers are begun in a turn of the event loop, the others in the next ones', async () => {
  const turns = new Turns();
  const done: number[] = [];
  for (let i = 0; i < 100; i++) turns.take(() => done.push(i));
  assert.equal(turns.size, 100, 'none in the turn in which the requests came');
  const isDone = (): boolean => done.length === 100;
  while (!isDone()) {
    const before = done.length;
    await nextTurn();
    assert.ok(done.length > before && done.length <= before + 2 * pageLimits.answersATurn);
  }
  turns.take(() => done.push(100));
  await nextTurn();
  assert.deepEqual(
    done,
    Array.from({ length: 101 }, (_, i) => i),
  );
});

test('what is kept is made once for all who ask, and again after a change', async () => {
  let made = 0;
  const clock = new VirtualClock();
  const kept = new Kept({ clock }, { make: () => Promise.resolve(++made), maxAgeMs: () => 1_000 });
  assert.deepEqual(await Promise.all([kept.get(), kept.get(), kept.get()]), [1, 1, 1]);
  assert.equal(await kept.get(), 1);
  kept.changed();
  assert.deepEqual([await kept.get(), await kept.get(), made], [2, 2, 2]);
  clock.advance(1_000);
  assert.equal(await kept.get(), 3, 'and when it is old');
});

test('what is old is not made again if what it is made of is the same', async () => {
  let made = 0;
  let isSame = true;
  const clock = new VirtualClock();
  const kept = new Kept(
    { clock },
    { make: () => Promise.resolve(++made), maxAgeMs: () => 1_000, isSame: () => isSame },
  );
  assert.equal(await kept.get(), 1);
  clock.advance(1_000);
  assert.equal(await kept.get(), 1);
  isSame = false;
  clock.advance(999);
  assert.equal(await kept.get(), 1, 'it was looked at a moment ago');
  clock.advance(1);
  assert.equal(await kept.get(), 2);
});

test('what changes all the time is made for a small share of the time only', async () => {
  const clock = new VirtualClock();
  let made = 0;
  const make = (): Promise<void> => {
    made++;
    clock.advance(30);
    return Promise.resolve();
  };
  const kept = new Kept({ clock }, { make, maxAgeMs: () => 0 });
  for (let ms = 0; ms < 3_300; ms++) {
    kept.changed();
    await kept.get();
    clock.advance(1);
  }
  assert.equal(made, 3_300 / 30 / pageLimits.pauseFactor);
});

test('one that cannot be made is an error for who asked, and tried again', async () => {
  let fails = true;
  const make = (): Promise<string> =>
    fails ? Promise.reject(new Error('no')) : Promise.resolve('yes');
  const kept = new Kept({ clock: new VirtualClock() }, { make, maxAgeMs: () => 1_000 });
  await assert.rejects(Promise.all([kept.get(), kept.get()]), /no/);
  fails = false;
  assert.equal(await kept.get(), 'yes');
});

test('bodies that wait count once, however many wait for them, and until the last is done', () => {
  const bodies = new Bodies();
  const body = Buffer.alloc(1_000);
  const answers = [new PassThrough(), new PassThrough()];
  for (const answer of answers) assert.ok(bodies.hold(body, answer));
  assert.equal(bodies.bytes, 1_000);
  assert.equal(bodies.hold({ length: pageLimits.bodyBytes } as Buffer, new PassThrough()), false);
  answers[0]?.emit('close');
  assert.equal(bodies.bytes, 1_000);
  answers[1]?.emit('close');
  assert.equal(bodies.bytes, 0);
  const large = { length: 2 * pageLimits.bodyBytes } as Buffer;
  assert.ok(bodies.hold(large, new PassThrough()), 'one is always let in');
});

test('a page may be asked for by address, by a name without a dot, and by names that were given', () => {
  const served = [
    '127.0.0.1',
    '10.0.0.5:8080',
    '[::1]:80',
    '[fd00::1]',
    'localhost:8080',
    'web-1',
    hostname(),
  ];
  for (const host of served) assert.ok(mayBeAskedAs(host, []), host);
  const refused = [
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    '',
    undefined,
    '[evil.example]',
    'a b',
    '1.2.3.4.5',
    'x:y',
  ];
  for (const host of refused) assert.equal(mayBeAskedAs(host, []), false, host);
  assert.ok(mayBeAskedAs('Node-1.Example.org:80', ['node-1.example.org']));
});
