/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEntries, decodeMessage, type ReceivedMap } from '../../../src/state/messages.js';
import { Packing } from '../../../src/state/packing.js';
import { Replica } from '../../../src/state/replica.js';
import { Store } from '../../../src/state/store.js';
import { boot } from './maps.js';

const limits = { bytesPerNode: 1e6, keysPerNode: 1e4, bytes: 1e7 };

function written(keys: number, valueBytes = 20): Store {
  const own = new Replica('a');
  own.boot = boot(5);
  const store = new Store(own, limits);
  for (let i = 0; i < keys; i++) store.write(`key-${i}`, 'v'.repeat(valueBytes), Infinity, 0);
  return store;
}

function packing(budget: number, most: number): Packing {
  return new Packing({ budget, most, mayForward: true, now: 0 });
}

function mapsIn(messages: readonly Buffer[]): ReceivedMap[] {
  return messages.flatMap((bytes) => {
    const message = decodeMessage(bytes);
    return message.kind === 'changes' ? message.maps : [];
  });
}

test('a map is cut into messages, each complete up to its last version', () => {
  const { own } = written(100);
  const packed = packing(500, 100);
  packed.addAfter(own, 0);
  assert.ok(packed.isComplete);
  const messages = packed.finish();
  assert.ok(messages.length > 5 && messages.every(({ length }) => length <= 500));
  const reader = new Store(new Replica('reader'), limits);
  let version = 0;
  for (const map of mapsIn(messages)) {
    assert.equal(map.from, version);
    assert.equal(reader.apply(map, { now: 0, wallNow: 0 }, []), 'applied');
    version = map.to;
    assert.equal(decodeEntries(map).at(-1)?.version, version);
  }
  assert.equal(version, 100);
  assert.equal(reader.get('a')?.size, 100);
});

test('what does not fit is left out, and the rest claims no more than it has', () => {
  const { own } = written(100);
  const packed = packing(500, 3);
  packed.addAfter(own, 0);
  assert.equal(packed.isComplete, false);
  const maps = mapsIn(packed.finish());
  assert.equal(maps.length, 3);
  const last = maps.at(-1)!;
  assert.equal(decodeEntries(last).at(-1)?.version, last.to);
  assert.ok(last.to < 100);
});

test('several maps share a message', () => {
  const packed = packing(1_000, 2);
  packed.addAfter(written(3).own, 0);
  packed.addAfter(written(3).own, 1);
  const messages = packed.finish();
  assert.equal(messages.length, 1);
  assert.deepEqual(
    mapsIn(messages).map(({ from, to }) => [from, to]),
    [
      [0, 3],
      [1, 3],
    ],
  );
});

test('a value that fits into no message ends the map before it', () => {
  const store = written(2);
  store.write('large', 'v'.repeat(2_000), Infinity, 0);
  store.write('small', 'v', Infinity, 0);
  const packed = packing(500, 10);
  packed.addAfter(store.own, 0);
  assert.equal(packed.isComplete, false);
  const [map, ...more] = mapsIn(packed.finish());
  assert.deepEqual([map?.to, more.length], [2, 0]);
  const alone = packing(500, 10);
  alone.addAfter(store.own, 2);
  assert.deepEqual([alone.isComplete, alone.finish()], [false, []]);
});

test('a whole map is sent in one message or not at all, without deleted keys', () => {
  const store = written(10);
  store.write('key-3', undefined, Infinity, 0);
  const whole = packing(2_000, 1);
  whole.addWhole(store.own);
  const [map] = mapsIn(whole.finish());
  assert.deepEqual([map?.isWhole, map?.from, map?.to], [true, 0, 11]);
  assert.equal(decodeEntries(map!).length, 9);
  const small = packing(200, 10);
  small.addWhole(store.own);
  assert.deepEqual([small.isComplete, small.finish()], [false, []]);
});

test('a new run without keys is sent as an empty map', () => {
  const packed = packing(500, 1);
  packed.addAfter(written(0).own, 0);
  const [map] = mapsIn(packed.finish());
  assert.deepEqual([map?.boot, map?.from, map?.to], [boot(5), 0, 0]);
});
