/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { apportion } from '../../../src/ring/apportion.js';
import { hashOfKey, scoreOf, seedOf } from '../../../src/ring/hash.js';
import { negativeLog } from '../../../src/ring/logarithm.js';
import { RendezvousTable, type RingMember } from '../../../src/ring/table.js';
import { viewHash } from '../../../src/ring/view-hash.js';

const members = (count: number, weightOf: (i: number) => number = () => 1): RingMember[] =>
  Array.from({ length: count }, (_, i) => ({ name: `web-${i}`, weight: weightOf(i) }));
const keys = Array.from({ length: 400 }, (_, i) => `user:${i}`);

const anyMembers = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 8 }),
    weight: fc.oneof(
      fc.constant(1),
      fc.constantFrom(1, 2, 3),
      fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
    ),
  }),
  { minLength: 1, maxLength: 30, selector: ({ name }) => name },
);

/** The definition: the highest −w / ln u, and of equal ones the first name. */
function byDefinition(all: readonly RingMember[], key: string): string[] {
  const hash = hashOfKey(key);
  const isWeighted = new Set(all.map(({ weight }) => weight)).size > 1;
  const scored = all.map(({ name, weight }) => {
    const { high, low } = seedOf(name);
    const score = scoreOf(high, low, hash);
    return { name, score: isWeighted ? weight / negativeLog(score) : score };
  });
  scored.sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
  return scored.map(({ name }) => name);
}

suite('rendezvous hashing', () => {
  test('is what the definition says, for the owner and all that follow', () => {
    fc.assert(
      fc.property(anyMembers, fc.string(), fc.integer({ min: 1, max: 40 }), (all, key, count) => {
        const table = new RendezvousTable(all);
        const order = byDefinition(all, key);
        assert.equal(table.owner(key), order[0]);
        assert.deepEqual(table.owners(key, count), order.slice(0, count));
      }),
    );
  });

  test('is the first of all that follow, with hundreds of members of very different weights', () => {
    const weights: ((i: number) => number)[] = [
      (i) => 1 + i / 7,
      (i) => 1 + (i % 3),
      (i) => 10 ** ((i % 31) - 15),
      (i) => (i % 2 === 0 ? Number.MIN_VALUE : 1e15),
    ];
    for (const weightOf of weights) {
      const table = new RendezvousTable(members(300, weightOf));
      for (const key of keys) assert.equal(table.owner(key), table.owners(key, 1)[0]);
    }
  });

  test('does not depend on the order of the members', () => {
    fc.assert(
      fc.property(anyMembers, fc.string(), (all, key) => {
        const [one, other] = [new RendezvousTable(all), new RendezvousTable([...all].reverse())];
        assert.deepEqual(one.owners(key, 99), other.owners(key, 99));
        assert.equal(viewHash(one.members, 1), viewHash(other.members, 1));
      }),
    );
  });

  test('a member that is removed loses its keys to their next owners, and no other key moves', () => {
    fc.assert(
      fc.property(anyMembers, fc.nat(), (all, which) => {
        const { name } = all[which % all.length]!;
        const before = new RendezvousTable(all);
        const after = new RendezvousTable(all.filter((member) => member.name !== name));
        for (const key of keys.slice(0, 50)) {
          const [owner, next] = before.owners(key, 2);
          assert.equal(after.owner(key), owner === name ? next : owner);
        }
      }),
    );
  });

  test('a heavier member only gains keys, and all others keep the rest', () => {
    fc.assert(
      fc.property(anyMembers, fc.nat(), (all, which) => {
        const { name } = all[which % all.length]!;
        const before = new RendezvousTable(all);
        const heavier = all.map((each) => {
          const weight = each.name === name ? each.weight * 2 : each.weight;
          return { ...each, weight };
        });
        const after = new RendezvousTable(heavier);
        for (const key of keys.slice(0, 50)) {
          const owner = after.owner(key);
          if (owner !== name) assert.equal(owner, before.owner(key));
        }
      }),
    );
  });

  test('members have keys in proportion to their weights', () => {
    const count = 60_000;
    const kinds: Record<string, (i: number) => string | Uint8Array> = {
      text: (i) => `user:${i}`,
      numbers: (i) => Buffer.from(Uint32Array.of(i).buffer),
      hex: (i) => (i * 2_654_435_761).toString(16),
    };
    for (const [kind, keyOf] of Object.entries(kinds)) {
      for (const weightOf of [() => 1, (i: number) => 1 + (i % 3), (i: number) => 1 + i / 7]) {
        const all = members(20, weightOf);
        const table = new RendezvousTable(all);
        const owned = new Map<string, number>();
        for (let i = 0; i < count; i++) {
          const owner = table.owner(keyOf(i))!;
          owned.set(owner, (owned.get(owner) ?? 0) + 1);
        }
        const sum = all.reduce((total, { weight }) => total + weight, 0);
        const chiSquare = all.reduce((total, { name, weight }) => {
          const expected = (count * weight) / sum;
          return total + ((owned.get(name) ?? 0) - expected) ** 2 / expected;
        }, 0);
        // 19 degrees of freedom: the 99.99th percentile.
        assert.ok(chiSquare < 50.8, `${kind}: ${chiSquare}`);
      }
    }
  });

  test('the keys of a member that is removed spread over all others', () => {
    const all = members(11);
    const [before, after] = [new RendezvousTable(all), new RendezvousTable(all.slice(1))];
    const gained = new Map<string, number>();
    for (let i = 0; i < 110_000; i++) {
      if (before.owner(`k${i}`) !== 'web-0') continue;
      const owner = after.owner(`k${i}`)!;
      gained.set(owner, (gained.get(owner) ?? 0) + 1);
    }
    for (const [name, count] of gained) assert.ok(count > 850 && count < 1_150, `${name} ${count}`);
    assert.equal(gained.size, 10);
  });

  test('text is its UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.deepEqual(hashOfKey(text), hashOfKey(Buffer.from(text)));
      }),
    );
    assert.deepEqual(hashOfKey('a\ud800b'), hashOfKey(Buffer.from('a\ufffdb')));
    assert.deepEqual(hashOfKey('\udc00'), hashOfKey(Buffer.from('\ufffd')));
  });

  test('the logarithm is one', () => {
    const check = (score: number): void => {
      const expected = -Math.log((score + 0.5) / 2 ** 32);
      assert.ok(Math.abs(negativeLog(score) / expected - 1) < 1e-14, `${score}`);
    };
    for (const score of [0, 1, 2, 3, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1]) check(score);
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), check));
  });
});

suite('the hash of a view', () => {
  test('differs with everything that answers depend on', () => {
    const view = (all: RingMember[], replicas = 1): string =>
      viewHash(new RendezvousTable(all).members, replicas);
    const views = [
      view([]),
      view(members(1)),
      view(members(2)),
      view(members(2, (i) => 1 + i)),
      view(members(2), 2),
      view([{ name: 'web-0web-1', weight: 1 }]),
    ];
    assert.equal(new Set(views).size, views.length);
    for (const each of views) assert.match(each, /^[0-9a-f]{16}$/);
  });
});

suite('the largest remainder method', () => {
  test('gives whole parts that add up, each within one of its quota', () => {
    const total = fc.oneof(fc.nat(1_000), fc.maxSafeNat());
    fc.assert(
      fc.property(anyMembers, total, (all, whole) => {
        const { members: sorted } = new RendezvousTable(all);
        const parts = apportion(whole, sorted);
        let sum = 0n;
        for (const part of parts.values()) {
          assert.ok(Number.isSafeInteger(part) && part >= 0);
          sum += BigInt(part);
        }
        assert.equal(sum, BigInt(whole));
        if (whole > 1_000) return;
        const weights = sorted.reduce((total, { weight }) => total + weight, 0);
        for (const { name, weight } of sorted) {
          assert.ok(Math.abs(parts.get(name)! - (whole * weight) / weights) < 1 + 1e-9);
        }
      }),
    );
  });

  test('equal members differ by one at most, the first names have more', () => {
    assert.deepEqual([...apportion(8, members(3)).values()], [3, 3, 2]);
    assert.deepEqual([...apportion(0, members(2)).values()], [0, 0]);
    assert.equal(apportion(5, []).size, 0);
  });
});
