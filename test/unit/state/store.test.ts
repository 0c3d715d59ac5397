/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Replica } from '../../../src/state/replica.js';
import { Store, type KeyChange, type StoreLimits } from '../../../src/state/store.js';
import { boot, entry, received } from './maps.js';

const moment = { now: 1_000, wallNow: 1_000 };
const day = 86_400_000;

function makeStore(limits: Partial<StoreLimits> = {}): Store {
  const own = new Replica('me');
  own.boot = boot(5);
  const store = new Store(own, { bytesPerNode: 10_000, keysPerNode: 100, bytes: 1e6, ...limits });
  store.appear('a');
  store.appear('b');
  return store;
}

function shownBy(store: Store, name = 'a'): Record<string, string | undefined> {
  const entries = [...(store.get(name)?.entries() ?? [])];
  return Object.fromEntries(
    entries.filter(([, { value }]) => value !== undefined).map(([key, { value }]) => [key, value]),
  );
}

/** Changes as text: `key: before → after`. */
function texts(changes: readonly KeyChange[]): string[] {
  return changes.map(({ key, before, after }) => `${key}: ${before?.value} → ${after?.value}`);
}

test('changes are applied once, and in the order of the versions', () => {
  const store = makeStore();
  const changes: KeyChange[] = [];
  const first = received({ entries: [entry(1, 'x', '1'), entry(2, 'y', '1')] });
  const second = received({ from: 2, entries: [entry(3, 'x', '2'), entry(4, 'y')] });
  assert.equal(store.apply(second, moment, changes), 'gap');
  assert.equal(store.apply(first, moment, changes), 'applied');
  assert.equal(store.apply(second, moment, changes), 'applied');
  assert.equal(store.apply(first, moment, changes), 'old');
  assert.equal(store.apply(second, moment, changes), 'old');
  assert.deepEqual(shownBy(store), { x: '2' });
  assert.equal(store.get('a')?.version, 4);
  assert.deepEqual(texts(changes), [
    'x: undefined → 1',
    'y: undefined → 1',
    'x: 1 → 2',
    'y: 1 → undefined',
  ]);
});

test('of changes that overlap, those that are known are skipped', () => {
  const store = makeStore();
  store.apply(received({ entries: [entry(1, 'x', '1'), entry(2, 'x', '2')] }), moment, []);
  const changes: KeyChange[] = [];
  const overlapping = received({ from: 1, entries: [entry(2, 'x', 'old'), entry(3, 'z', '3')] });
  assert.equal(store.apply(overlapping, moment, changes), 'applied');
  assert.deepEqual(texts(changes), ['z: undefined → 3']);
});

test('a larger boot id replaces the map, a smaller one is old', () => {
  const store = makeStore();
  store.apply(received({ boot: boot(7), entries: [entry(9, 'x', '1')] }), moment, []);
  assert.equal(store.apply(received({ boot: boot(6), to: 99 }), moment, []), 'old');
  const changes: KeyChange[] = [];
  const later = received({ boot: boot(8), from: 3, entries: [entry(4, 'y', '1')] });
  assert.equal(store.apply(later, moment, changes), 'gap');
  const again = received({ boot: boot(8), entries: [entry(1, 'y', '1')] });
  assert.equal(store.apply(again, moment, changes), 'applied');
  assert.deepEqual(texts(changes), ['y: undefined → 1', 'x: 1 → undefined']);
});

test('a restarted node without keys clears its earlier map', () => {
  const store = makeStore();
  store.apply(received({ entries: [entry(9, 'x', '1')] }), moment, []);
  assert.equal(store.apply(received({ boot: boot(8), to: 0 }), moment, []), 'applied');
  assert.deepEqual(shownBy(store), {});
  assert.equal(store.apply(received({ boot: boot(8), to: 0 }), moment, []), 'old');
});

test('a whole map replaces an incomplete one, without events for equal values', () => {
  const store = makeStore();
  const entries = [entry(1, 'x', '1'), entry(2, 'y', '1')];
  store.apply(received({ entries }), moment, []);
  const changes: KeyChange[] = [];
  const whole = received({ isWhole: true, to: 20, entries: [entry(15, 'x', '1')] });
  assert.equal(store.apply(whole, moment, changes), 'applied');
  assert.deepEqual(texts(changes), ['y: 1 → undefined']);
  assert.equal(store.get('a')?.floor, 20);
});

test('a boot id of more than a day ahead is refused', () => {
  const store = makeStore();
  const ahead = received({ boot: boot(1_000 + day + 1), entries: [entry(1, 'x', '1')] });
  assert.equal(store.apply(ahead, moment, []), 'ahead');
  assert.equal(store.isBehind('a', ahead.boot, 1, moment), false);
  assert.equal(store.get('a'), undefined);
});

test('a map that exceeds the limit of a node is dropped and refused until the node restarts', () => {
  const store = makeStore({ keysPerNode: 2 });
  store.apply(received({ entries: [entry(1, 'x', '1')] }), moment, []);
  const changes: KeyChange[] = [];
  const many = received({
    from: 1,
    entries: ['p', 'q', 'r', 's'].map((key, i) => entry(2 + i, key, '1')),
  });
  assert.equal(store.apply(many, moment, changes), 'limit');
  assert.deepEqual(texts(changes), ['x: 1 → undefined']);
  assert.deepEqual([store.get('a')?.size, store.get('a')?.version, store.bytes], [0, 0, 0]);
  const late = { now: 1e9, wallNow: 1_000 };
  assert.equal(store.apply(received({ entries: [entry(1, 'x', '1')] }), late, []), 'refused');
  assert.equal(store.isBehind('a', boot(1), 99, late), false);
  const again = received({ boot: boot(2), entries: [entry(1, 'x', '1')] });
  assert.equal(store.apply(again, late, []), 'applied');
});

test('deleted keys do not count towards the limit, and are forgotten beyond it', () => {
  const store = makeStore({ keysPerNode: 2 });
  store.apply(received({ entries: [entry(1, 'x', '1'), entry(2, 'y', '1')] }), moment, []);
  const entries = ['d', 'e', 'f', 'g', 'h'].map((key, i) => entry(3 + i, key));
  assert.equal(store.apply(received({ from: 2, entries }), moment, []), 'applied');
  const { size, floor, bytes } = store.get('a')!;
  assert.deepEqual([size, floor, bytes], [2, 7, store.bytes]);
});

test('a map that exceeds the limit of all maps together is refused for a minute', () => {
  const store = makeStore({ bytes: 400 });
  const big = (name: string) => received({ name, entries: [entry(1, 'x', 'v'.repeat(200))] });
  assert.equal(store.apply(big('a'), moment, []), 'applied');
  assert.equal(store.apply(big('b'), moment, []), 'limit');
  assert.equal(store.isBehind('b', boot(1), 1, moment), false);
  store.drop('a');
  const later = { now: 61_001, wallNow: 1_000 };
  assert.equal(store.isBehind('b', boot(1), 1, later), true);
  assert.equal(store.apply(big('b'), later, []), 'applied');
  assert.equal(store.bytes, store.get('b')?.bytes);
});

test('changes of a malformed map change nothing', () => {
  const store = makeStore();
  store.apply(received({ entries: [entry(1, 'x', '1')] }), moment, []);
  const hash = store.hash;
  const bad = { ...received({ from: 1, to: 9 }), body: Buffer.of(1, 1, 1) };
  assert.throws(() => store.apply(bad, moment, []));
  assert.deepEqual(store.hash, hash);
  assert.equal(store.get('a')?.version, 1);
});

test('two nodes with the same maps of the present members have the same hash', () => {
  const [one, two] = [makeStore(), makeStore()];
  const maps = [
    received({ name: 'a', entries: [entry(1, 'x', '1')] }),
    received({ name: 'b', entries: [entry(7, 'x', '1')] }),
  ];
  for (const map of maps) one.apply(map, moment, []);
  assert.notDeepEqual(one.hash, two.hash);
  for (const map of maps.reverse()) two.apply(map, moment, []);
  assert.deepEqual(one.hash, two.hash);
  two.disappear('a');
  assert.notDeepEqual(one.hash, two.hash);
  two.appear('a');
  assert.deepEqual(one.hash, two.hash);
  one.drop('b');
  assert.notDeepEqual(one.hash, two.hash);
  one.apply(
    maps.find(({ name }) => name === 'b')!,
    moment,
    [],
  );
  assert.deepEqual(one.hash, two.hash);
});

test('deleted keys are forgotten, and the floor remembers up to which version', () => {
  const store = makeStore();
  for (const [at, key] of ['x', 'y', 'z'].entries()) store.write(key, '1', Infinity, at);
  store.write('x', undefined, Infinity, 10);
  store.write('y', undefined, Infinity, 20);
  store.forgetDeleted(store.own, 15);
  assert.deepEqual([store.own.size, store.own.deleted, store.own.floor], [2, 1, 4]);
  assert.equal(store.bytes, store.own.bytes);
});

test('republishing gives keys new versions and forgets deleted ones', () => {
  const store = makeStore();
  store.write('x', '1', Infinity, 1);
  store.write('y', '1', Infinity, 1);
  store.write('x', '2', Infinity, 1);
  store.write('y', undefined, Infinity, 1);
  store.republish(boot(99), 2);
  assert.deepEqual([store.own.version, store.own.boot, store.own.size], [1, boot(99), 1]);
  assert.deepEqual(shownBy(store, 'me'), { x: '2' });
});
