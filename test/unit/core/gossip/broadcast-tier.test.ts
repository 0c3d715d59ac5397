/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The order in which broadcasts of one tier are taken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../../src/testing/index.js';
import { BroadcastTier, type Ranked } from '../../../../src/core/gossip/broadcast-tier.js';

function tierOf(...entries: readonly (readonly [length: number, id: number])[]) {
  const tier = new BroadcastTier<Ranked>();
  for (const [length, id] of entries) tier.add({ length, id, isRemoved: false });
  return tier;
}

function allOf(tier: BroadcastTier<Ranked>, most = Infinity): number[] {
  const ids: number[] = [];
  for (let entry = tier.takeLongest(most); entry; entry = tier.takeLongest(most))
    ids.push(entry.id);
  return ids;
}

test('the longest come first, and among equally long ones the newest', () => {
  assert.deepEqual(allOf(tierOf([10, 1], [30, 2], [10, 3], [20, 4])), [2, 4, 3, 1]);
});

test('entries that do not fit stay', () => {
  const tier = tierOf([10, 1], [30, 2], [20, 3]);
  assert.deepEqual(allOf(tier, 20), [3, 1]);
  assert.equal(tier.takeLongest(9), undefined);
  assert.deepEqual(allOf(tier), [2]);
});

test('an entry that returns from another tier is sorted by its age', () => {
  assert.deepEqual(allOf(tierOf([10, 5], [10, 2], [10, 9], [10, 3])), [9, 5, 3, 2]);
});

test('any entry can be removed, including the last one of its length', () => {
  const tier = new BroadcastTier<Ranked>();
  const entries = [1, 2, 3, 4].map((id) => ({
    length: id === 4 ? 7 : 10,
    id,
    isRemoved: false,
  }));
  for (const entry of entries) tier.add(entry);
  tier.remove(entries[1] as Ranked);
  tier.remove(entries[3] as Ranked);
  assert.deepEqual([...tier].map(({ id }) => id).sort(), [1, 3]);
  assert.deepEqual(allOf(tier), [3, 1]);
});

test('the last entries are the oldest of the shortest', () => {
  const tier = tierOf([10, 1], [20, 2], [10, 3], [20, 4]);
  assert.deepEqual(
    tier.takeLast(3).map(({ id }) => id),
    [1, 3, 2],
  );
  assert.deepEqual(tier.takeLast(0), []);
  assert.deepEqual(allOf(tier), [4]);
});

test('the oldest are taken out regardless of length', () => {
  const tier = tierOf([10, 5], [30, 2], [10, 3], [20, 4], [30, 1]);
  const taken = tier.takeOldest(3).map(({ id }) => id);
  assert.deepEqual(taken.sort(), [1, 2, 3]);
  assert.equal(tier.size, 2);
  assert.deepEqual(tier.takeOldest(0), []);
  assert.deepEqual(
    tier.takeOldest(9).map(({ id }) => id),
    [5, 4],
  );
  assert.deepEqual(tier.takeOldest(1), []);
  assert.equal(tier.size, 0);
});

test('thousands of entries of one length, replaced in any order, leave no trace', () => {
  const random = new SeededRandom('tier');
  const draw = (below: number): number => Math.floor(random.next() * below);
  const tier = new BroadcastTier<Ranked>();
  const present: Ranked[] = [];
  for (let id = 1; id <= 5_000; id++) {
    const entry = { length: 10 + draw(3), id, isRemoved: false };
    tier.add(entry);
    present.push(entry);
    const kind = draw(10);
    if (kind < 8 && present.length > 300) {
      tier.remove(present.splice(draw(present.length), 1)[0] as Ranked);
    } else if (kind === 8) {
      const [longest] = [...present].sort(byOrder);
      assert.equal(tier.takeLongest(99), longest);
      present.splice(present.indexOf(longest as Ranked), 1);
    } else if (kind === 9 && draw(20) === 1) {
      const oldest = [...present].sort((a, b) => a.id - b.id).slice(0, 40);
      assert.deepEqual(
        tier.takeOldest(40).sort((a, b) => a.id - b.id),
        oldest,
      );
      for (const each of oldest) present.splice(present.indexOf(each), 1);
    } else if (kind === 9 && draw(20) === 0) {
      const last = [...present].sort(byOrder).reverse().slice(0, 40);
      assert.deepEqual(tier.takeLast(40), last);
      for (const each of last) present.splice(present.indexOf(each), 1);
    }
    assert.equal(tier.size, present.length);
  }
  const ids = [...present].sort(byOrder).map(({ id }) => id);
  assert.deepEqual(
    [...tier].sort(byOrder).map(({ id }) => id),
    ids,
  );
  assert.deepEqual(allOf(tier), ids);
  assert.equal(tier.size, 0);
});

function byOrder(a: Ranked, b: Ranked): number {
  return b.length - a.length || b.id - a.id;
}
