/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The parts of the agent's status page that need no socket.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Bodies } from '../../../src/cli/page/bodies.js';
import { isAllowedHost } from '../../../src/cli/page/host-header.js';
import { Cached, nextTurn, TurnQueue } from '../../../src/cli/page/cached.js';
import { pageLimits } from '../../../src/cli/page/limits.js';
import { VirtualClock } from '../../../src/testing/index.js';

test('a few responses are started in a turn of the event loop, the others in the next turns', async () => {
  const turns = new TurnQueue();
  const done: number[] = [];
  for (let i = 0; i < 100; i++) turns.add(() => done.push(i));
  assert.equal(turns.size, 100, 'none in the turn in which the requests arrived');
  const isDone = (): boolean => done.length === 100;
  while (!isDone()) {
    const before = done.length;
    await nextTurn();
    assert.ok(done.length > before && done.length <= before + 2 * pageLimits.responsesPerTurn);
  }
  turns.add(() => done.push(100));
  await nextTurn();
  assert.deepEqual(
    done,
    Array.from({ length: 101 }, (_, i) => i),
  );
});

test('a cached value is created once for all requests, and again after a change', async () => {
  let made = 0;
  const clock = new VirtualClock();
  const cached = new Cached(
    { clock },
    { create: () => Promise.resolve(++made), maxAgeMs: () => 1_000 },
  );
  assert.deepEqual(await Promise.all([cached.get(), cached.get(), cached.get()]), [1, 1, 1]);
  assert.equal(await cached.get(), 1);
  cached.invalidate();
  assert.deepEqual([await cached.get(), await cached.get(), made], [2, 2, 2]);
  clock.advance(1_000);
  assert.equal(await cached.get(), 3, 'and when it is old');
});

test('an old value is not created again if its inputs are the same', async () => {
  let made = 0;
  let isSame = true;
  const clock = new VirtualClock();
  const cached = new Cached(
    { clock },
    { create: () => Promise.resolve(++made), maxAgeMs: () => 1_000, isSame: () => isSame },
  );
  assert.equal(await cached.get(), 1);
  clock.advance(1_000);
  assert.equal(await cached.get(), 1);
  isSame = false;
  clock.advance(999);
  assert.equal(await cached.get(), 1, 'it was checked a moment ago');
  clock.advance(1);
  assert.equal(await cached.get(), 2);
});

test('a value that changes constantly is created for a small share of the time only', async () => {
  const clock = new VirtualClock();
  let made = 0;
  const create = (): Promise<void> => {
    made++;
    clock.advance(30);
    return Promise.resolve();
  };
  const cached = new Cached({ clock }, { create, maxAgeMs: () => 0 });
  for (let ms = 0; ms < 3_300; ms++) {
    cached.invalidate();
    await cached.get();
    clock.advance(1);
  }
  assert.equal(made, 3_300 / 30 / pageLimits.pauseFactor);
});

test('a failed creation rejects for the callers that wait, and is retried by the next call', async () => {
  let fails = true;
  const create = (): Promise<string> =>
    fails ? Promise.reject(new Error('no')) : Promise.resolve('yes');
  const cached = new Cached({ clock: new VirtualClock() }, { create, maxAgeMs: () => 1_000 });
  await assert.rejects(Promise.all([cached.get(), cached.get()]), /no/);
  fails = false;
  assert.equal(await cached.get(), 'yes');
});

test('a waiting body counts once, however many responses share it, until the last one is closed', () => {
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
  assert.ok(bodies.hold(large, new PassThrough()), 'one body is always accepted');
});

test('a page is served under addresses, names without a dot, and configured names', () => {
  const served = [
    '127.0.0.1',
    '10.0.0.5:8080',
    '[::1]:80',
    '[fd00::1]',
    'localhost:8080',
    'web-1',
    hostname(),
  ];
  for (const host of served) assert.ok(isAllowedHost(host, []), host);
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
  for (const host of refused) assert.equal(isAllowedHost(host, []), false, host);
  assert.ok(isAllowedHost('Node-1.Example.org:80', ['node-1.example.org']));
});
