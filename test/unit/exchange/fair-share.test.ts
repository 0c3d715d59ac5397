/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Shares of a bounded resource.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairShare, type Share } from '../../../src/exchange/fair-share.js';

/** Shares that record their eviction. */
class Shares {
  readonly evicted: string[] = [];
  readonly fair: FairShare;

  constructor(total: number, perSource: number) {
    this.fair = new FairShare({ total, perSource });
  }

  open(name: string): Share {
    return this.fair.open(name.charAt(0), () => this.evicted.push(name));
  }

  /** Opens a share that has acquired an amount. */
  with(name: string, amount = 1): Share {
    const share = this.open(name);
    assert.equal(share.acquire(amount), true, name);
    return share;
  }
}

test('a source can acquire its maximum and no more, and released amounts are available again', () => {
  const shares = new Shares(100, 3);
  const opened = ['a1', 'a2', 'a3'].map((name) => shares.with(name));
  const late = shares.open('a4');
  assert.equal(late.acquire(1), false);
  assert.equal(shares.fair.used, 3);
  opened[1]?.close();
  opened[1]?.close();
  assert.equal(shares.fair.used, 2);
  assert.equal(late.acquire(1), true);
  assert.deepEqual(shares.evicted, []);
});

test('when nothing is left, the source that uses most loses its oldest share', () => {
  const shares = new Shares(5, 5);
  for (const name of ['b1', 'a1', 'a2', 'a3', 'b2']) shares.with(name);
  shares.with('c1');
  assert.deepEqual(shares.evicted, ['a1']);
  assert.equal(shares.fair.used, 5);
});

test('a source evicts nothing if it would then use as much as each other source', () => {
  const shares = new Shares(4, 4);
  for (const name of ['a1', 'a2', 'b1', 'b2']) shares.with(name);
  shares.with('c1');
  assert.equal(shares.open('c2').acquire(1), false);
  assert.equal(shares.open('b3').acquire(1), false);
  assert.equal(shares.evicted.length, 1);
});

test('for a large amount, as many shares as necessary are evicted, or none', () => {
  const shares = new Shares(100, 100);
  for (const name of ['a1', 'a2', 'a3']) shares.with(name, 30);
  assert.equal(shares.open('b1').acquire(101), false);
  assert.deepEqual(shares.evicted, []);
  shares.with('b1', 40);
  assert.deepEqual(shares.evicted, ['a1']);
  assert.equal(shares.fair.used, 100);
});

test('one share grows step by step, and releases everything when it is closed', () => {
  const shares = new Shares(10, 10);
  const share = shares.open('a');
  for (let i = 0; i < 10; i++) assert.equal(share.acquire(1), true);
  assert.equal(share.acquire(1), false);
  assert.equal(share.acquire(0), true);
  share.close();
  assert.deepEqual([shares.fair.used, shares.fair.sources], [0, 0]);
});

test('a closed or evicted share acquires nothing more, and has nothing to release', () => {
  const shares = new Shares(2, 2);
  const [left, evicted] = [shares.with('a1'), shares.with('b1')];
  left.close();
  assert.equal(left.acquire(1), false);
  shares.with('b2');
  shares.with('c1');
  assert.deepEqual(shares.evicted, ['b1']);
  assert.equal(evicted.acquire(1), false);
  evicted.close();
  assert.equal(shares.fair.used, 2);
});

test('closed shares, and shares without an amount, use no memory', () => {
  const shares = new Shares(1_000, 10);
  for (let i = 0; i < 500; i++) {
    const source = String.fromCharCode(0x100 + i);
    shares.open(source);
    shares.open(source).acquire(1_001);
    shares.with(source, 10).close();
  }
  assert.equal(shares.fair.sources, 0);
});

test('a partly released amount is available to others, and an empty share is not evicted', () => {
  const shares = new Shares(10, 10);
  const first = shares.with('a1', 4);
  shares.with('a2', 5);
  first.release(3);
  assert.equal(shares.fair.used, 6);
  first.release(100);
  assert.equal(shares.fair.used, 5, 'no more than it had');
  shares.with('b1', 4);
  shares.with('b2', 1);
  assert.deepEqual(shares.evicted, []);
  shares.with('c1', 1);
  assert.deepEqual(shares.evicted, ['a2'], 'the first of them holds nothing any more');
});

test('a source with a lower weight gives way last', () => {
  const shares = new Shares(10, 10);
  const light = shares.fair.open('light', () => shares.evicted.push('light'), 1 / 4);
  assert.ok(light.acquire(6));
  shares.with('a1', 2);
  shares.with('b1', 2);
  assert.equal(shares.open('c1').acquire(2), false);
  assert.ok(light.acquire(1));
  assert.deepEqual(shares.evicted, ['a1']);
});
