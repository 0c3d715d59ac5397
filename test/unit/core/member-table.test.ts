/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsFrom, Member, type MemberState } from '../../../src/core/member.js';
import { MemberTable } from '../../../src/core/member-table.js';
import { SeededRandom } from '../../../src/testing/index.js';
import { alive } from './harness.js';

const everybody = (): boolean => true;

function makeMember(name: string, state: MemberState = 'alive'): Member {
  const facts = factsFrom(alive(name));
  assert.ok(facts);
  return new Member(name, facts, state, 0);
}

/** A table of m0, m1, …, in a random order. */
function makeTable(size: number, seed: number | string = 1): MemberTable {
  const table = new MemberTable(new SeededRandom(seed));
  for (let i = 0; i < size; i++) table.add(makeMember(`m${i}`));
  return table;
}

function names(members: Iterable<Member>): string[] {
  return Array.from(members, ({ name }) => name);
}

function sortedNames(members: Iterable<Member>): string[] {
  return names(members).sort();
}

/** How often each name came up in many draws. */
function tally(rounds: number, draw: (round: number) => readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    for (const name of draw(round)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function assertRoughly(counts: Map<string, number>, size: number, expected: number): void {
  assert.equal(counts.size, size);
  for (const [name, count] of counts) {
    const isNear = Math.abs(count - expected) < 0.2 * expected;
    assert.ok(isNear, `${name} came up ${count} times, not about ${expected}`);
  }
}

test('a member is found by its name and has one position in the probe order', () => {
  const table = makeTable(5);
  assert.equal(table.size, 5);
  for (let i = 0; i < 5; i++) {
    const member = table.get(`m${i}`);
    assert.equal(member?.name, `m${i}`);
    assert.equal([...table].filter((other) => other === member).length, 1);
  }
  assert.equal(table.get('m5'), undefined);
  assert.equal(table.at(5), undefined);
  assert.deepEqual(
    names(table),
    [0, 1, 2, 3, 4].map((place) => table.at(place)?.name),
  );
});

test('a name can be added only once', () => {
  const table = makeTable(3);
  assert.throws(() => table.add(makeMember('m1')), /m1 is already in the table/);
  assert.equal(table.size, 3);
});

test('a new member is added at a random position, with equal probability', () => {
  const places = tally(2000, (seed) => {
    const table = makeTable(4, seed);
    table.add(makeMember('new'));
    return [String(names(table).indexOf('new'))];
  });
  assertRoughly(places, 5, 400);
});

test('adding a member keeps all others in the list', () => {
  for (let seed = 0; seed < 50; seed++) {
    const table = makeTable(7, seed);
    assert.deepEqual(sortedNames(table), ['m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6']);
  }
});

test('a shuffle is a permutation, and a different one each time', () => {
  const table = makeTable(10);
  const before = sortedNames(table);
  const orders = new Set<string>();
  for (let i = 0; i < 20; i++) {
    table.shuffle();
    assert.deepEqual(sortedNames(table), before);
    orders.add(names(table).join());
  }
  assert.equal(orders.size, 20);
});

test('a shuffle moves every member to every position with about equal probability', () => {
  const table = makeTable(5);
  const pairs = tally(5000, () => {
    table.shuffle();
    return names(table).map((name, place) => `${name} at ${place}`);
  });
  assertRoughly(pairs, 25, 1000);
});

test('removeIf removes the members that satisfy the test and returns them', () => {
  const table = makeTable(6);
  const order = names(table);
  const gone = new Set(['m1', 'm4']);
  const removed = table.removeIf(({ name }) => gone.has(name));
  assert.deepEqual(sortedNames(removed), ['m1', 'm4']);
  assert.equal(table.size, 4);
  assert.equal(table.get('m1'), undefined);
  assert.deepEqual(
    names(table),
    order.filter((name) => !gone.has(name)),
  );
  assert.deepEqual(
    table.removeIf(() => false),
    [],
  );
});

test('a removed member can be added again', () => {
  const table = makeTable(3);
  table.removeIf(({ name }) => name === 'm1');
  table.add(makeMember('m1'));
  assert.deepEqual(sortedNames(table), ['m0', 'm1', 'm2']);
});

test('members are counted by a test and by state', () => {
  const table = makeTable(3);
  table.add(makeMember('s', 'suspect'));
  table.add(makeMember('d', 'dead'));
  table.add(makeMember('l', 'left'));
  assert.deepEqual(table.countByState(), { alive: 3, suspect: 1, dead: 1, left: 1 });
  assert.equal(
    table.count(({ isGone }) => isGone),
    2,
  );
});

// Both ways of choosing: 3k is above 5 members and below 40.
for (const [size, way] of [
  [5, 'few members'],
  [40, 'many members'],
] as const) {
  test(`of ${way}, the wanted number is picked, without duplicates`, () => {
    const table = makeTable(size);
    for (let round = 0; round < 500; round++) {
      const picked = names(table.pick(3, everybody));
      assert.equal(picked.length, 3);
      assert.equal(new Set(picked).size, 3);
    }
  });

  test(`of ${way}, only members that satisfy the test are picked`, () => {
    const table = makeTable(size);
    const mayBe = new Set(['m0', 'm2', 'm4']);
    const counts = tally(600, () => names(table.pick(2, ({ name }) => mayBe.has(name))));
    assertRoughly(counts, 3, 400);
  });

  test(`of ${way}, fewer than wanted are picked if fewer satisfy the test`, () => {
    const table = makeTable(size);
    for (let round = 0; round < 20; round++) {
      assert.ok(table.pick(3, ({ name }) => name === 'm1').length <= 1);
      assert.deepEqual(
        table.pick(3, () => false),
        [],
      );
    }
  });

  test(`of ${way}, all are picked about equally often`, () => {
    const table = makeTable(size);
    const rounds = 400 * size;
    assertRoughly(
      tally(rounds, () => names(table.pick(3, everybody))),
      size,
      1200,
    );
  });

  test(`picking of ${way} does not change the probe order`, () => {
    const table = makeTable(size);
    const before = names(table);
    for (let round = 0; round < 20; round++) table.pick(3, everybody);
    assert.deepEqual(names(table), before);
  });
}

test('in a small table all members that satisfy the test are found, however few', () => {
  const table = makeTable(8);
  for (let round = 0; round < 200; round++) {
    assert.deepEqual(sortedNames(table.pick(3, ({ name }) => name === 'm1' || name === 'm5')), [
      'm1',
      'm5',
    ]);
  }
});

test('in a large table no more than 3n draws are made', () => {
  let draws = 0;
  const random = { next: () => (draws++ % 50) / 50 };
  const table = new MemberTable(random);
  for (let i = 0; i < 50; i++) table.add(makeMember(`m${i}`));
  draws = 0;
  assert.deepEqual(
    table.pick(3, () => false),
    [],
  );
  assert.equal(draws, 150);
});

test('with exactly 3k members draws are made, with fewer the list is shuffled', () => {
  for (const [size, draws] of [
    [8, 7],
    [9, 3],
  ] as const) {
    let drawn = 0;
    let isCounting = false;
    const random = new SeededRandom('3k');
    const table = new MemberTable({ next: () => (isCounting ? drawn++ / 9 : random.next()) });
    for (let i = 0; i < size; i++) table.add(makeMember(`m${i}`));
    isCounting = true;
    // With 9 the first three draws are of different members.
    assert.equal(table.pick(3, everybody).length, 3);
    assert.equal(drawn, draws);
  }
});

test('nothing is picked if none is wanted or the table is empty', () => {
  assert.deepEqual(makeTable(5).pick(0, everybody), []);
  assert.deepEqual(makeTable(0).pick(3, everybody), []);
});
