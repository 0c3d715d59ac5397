/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Sharing out something that there is a bounded amount of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairShare, type Share } from '../../../src/exchange/fair-share.js';

/** Shares that note when they are taken away. */
class Holders {
  readonly evicted: string[] = [];
  readonly fair: FairShare;

  constructor(total: number, perSource: number) {
    this.fair = new FairShare({ total, perSource });
  }

  enter(name: string): Share {
    return this.fair.enter(name.charAt(0), () => this.evicted.push(name));
  }

  /** One that has taken so much. */
  with(name: string, amount = 1): Share {
    const share = this.enter(name);
    assert.equal(share.take(amount), true, name);
    return share;
  }
}

test('a source gets what it may have, and no more, and it comes back when it is given back', () => {
  const holders = new Holders(100, 3);
  const shares = ['a1', 'a2', 'a3'].map((name) => holders.with(name));
  const late = holders.enter('a4');
  assert.equal(late.take(1), false);
  assert.equal(holders.fair.used, 3);
  shares[1]?.leave();
  shares[1]?.leave();
  assert.equal(holders.fair.used, 2);
  assert.equal(late.take(1), true);
  assert.deepEqual(holders.evicted, []);
});

test('when there is no more the source that has most loses its oldest', () => {
  const holders = new Holders(5, 5);
  for (const name of ['b1', 'a1', 'a2', 'a3', 'b2']) holders.with(name);
  holders.with('c1');
  assert.deepEqual(holders.evicted, ['a1']);
  assert.equal(holders.fair.used, 5);
});

test('who would have as much as anybody takes nothing from anybody', () => {
  const holders = new Holders(4, 4);
  for (const name of ['a1', 'a2', 'b1', 'b2']) holders.with(name);
  holders.with('c1');
  assert.equal(holders.enter('c2').take(1), false);
  assert.equal(holders.enter('b3').take(1), false);
  assert.equal(holders.evicted.length, 1);
});

test('amounts may be large: as many give way as it takes, or nobody', () => {
  const holders = new Holders(100, 100);
  for (const name of ['a1', 'a2', 'a3']) holders.with(name, 30);
  assert.equal(holders.enter('b1').take(101), false);
  assert.deepEqual(holders.evicted, []);
  holders.with('b1', 40);
  assert.deepEqual(holders.evicted, ['a1']);
  assert.equal(holders.fair.used, 100);
});

test('one share grows bit by bit, and gives all of it back', () => {
  const holders = new Holders(10, 10);
  const share = holders.enter('a');
  for (let i = 0; i < 10; i++) assert.equal(share.take(1), true);
  assert.equal(share.take(1), false);
  assert.equal(share.take(0), true);
  share.leave();
  assert.deepEqual([holders.fair.used, holders.fair.sources], [0, 0]);
});

test('who left or was evicted gets nothing any more, and has nothing to give back', () => {
  const holders = new Holders(2, 2);
  const [left, evicted] = [holders.with('a1'), holders.with('b1')];
  left.leave();
  assert.equal(left.take(1), false);
  holders.with('b2');
  holders.with('c1');
  assert.deepEqual(holders.evicted, ['b1']);
  assert.equal(evicted.take(1), false);
  evicted.leave();
  assert.equal(holders.fair.used, 2);
});

test('nothing is remembered of those who are gone, nor of those who got nothing', () => {
  const holders = new Holders(1_000, 10);
  for (let i = 0; i < 500; i++) {
    const source = String.fromCharCode(0x100 + i);
    holders.enter(source);
    holders.enter(source).take(1_001);
    holders.with(source, 10).leave();
  }
  assert.equal(holders.fair.sources, 0);
});

test('what is given back in part is there for others, and who holds nothing is not evicted', () => {
  const holders = new Holders(10, 10);
  const first = holders.with('a1', 4);
  holders.with('a2', 5);
  first.give(3);
  assert.equal(holders.fair.used, 6);
  first.give(100);
  assert.equal(holders.fair.used, 5, 'no more than it had');
  holders.with('b1', 4);
  holders.with('b2', 1);
  assert.deepEqual(holders.evicted, []);
  holders.with('c1', 1);
  assert.deepEqual(holders.evicted, ['a2'], 'the first of them holds nothing any more');
});

test('a source that weighs less gives way last', () => {
  const holders = new Holders(10, 10);
  const light = holders.fair.enter('light', () => holders.evicted.push('light'), 1 / 4);
  assert.ok(light.take(6));
  holders.with('a1', 2);
  holders.with('b1', 2);
  assert.equal(holders.enter('c1').take(2), false);
  assert.ok(light.take(1));
  assert.deepEqual(holders.evicted, ['a1']);
});
