/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsFrom, Member, type MemberState } from '../../../../src/core/member.js';
import { MemberTable } from '../../../../src/core/member-table.js';
import { AddressTakeovers } from '../../../../src/core/membership/address-takeovers.js';
import { SeededRandom } from '../../../../src/testing/index.js';
import { limits } from '../../../../src/wire/limits.js';
import { alive } from '../harness.js';

const addressBytes = (n: number): Buffer => Buffer.of(10, n >> 16, (n >> 8) & 0xff, n & 0xff);
const addressOf = (n: number): string => `10.${n >> 16}.${(n >> 8) & 0xff}.${n & 0xff}:7946`;

/** A table in which members are added at addresses that a number stands for. */
function setUp(): {
  takeovers: AddressTakeovers;
  table: MemberTable;
  add: (name: string, n: number, state?: MemberState) => Member;
  names: () => string[];
} {
  const table = new MemberTable(new SeededRandom(1));
  const takeovers = new AddressTakeovers({ table }, { ownName: 'me' });
  const add = (name: string, n: number, state: MemberState = 'alive'): Member => {
    const facts = factsFrom(alive(name, { addr: addressBytes(n), port: 7946 }));
    assert.ok(facts);
    const member = new Member(name, facts, state, 0);
    table.add(member);
    return member;
  };
  const names = (): string[] => {
    const found: string[] = [];
    for (let next = takeovers.next(); next !== undefined; next = takeovers.next()) {
      found.push(next.name);
    }
    return found.sort();
  };
  return { takeovers, table, add, names };
}

test('other living members at a claimed address are given once per claim', () => {
  const { takeovers, add, names } = setUp();
  add('old', 1);
  add('elsewhere', 2);
  add('new', 1);
  add('gone', 1, 'dead');
  assert.deepEqual(names(), []);
  takeovers.claim(addressOf(1), 'new');
  assert.deepEqual(names(), ['old']);
  assert.deepEqual(names(), []);
  takeovers.claim(addressOf(1), 'new');
  assert.deepEqual(names(), ['old']);
  // The claim has ended with its search.
  takeovers.claim(addressOf(3), 'other');
  assert.deepEqual(names(), []);
});

test('the node itself is not probed when its own address is claimed', () => {
  const { takeovers, add, names } = setUp();
  add('me', 1);
  add('new', 1);
  takeovers.claim(addressOf(1), 'new');
  assert.deepEqual(names(), []);
});

test('a claim at an address whose holder answered is ignored until the pass is over', () => {
  const { takeovers, add, names } = setUp();
  add('old', 1);
  add('new', 1);
  takeovers.holderAnswered(addressOf(1));
  takeovers.claim(addressOf(1), 'new');
  assert.deepEqual(names(), []);
  takeovers.claim(addressOf(1), 'new');
  takeovers.newPass();
  assert.deepEqual(names(), [], 'the ignored claim was not kept');
  takeovers.claim(addressOf(1), 'new');
  assert.deepEqual(names(), ['old']);
});

test('an answer ends the claim of its address, and no member there is given any more', () => {
  const { takeovers, add, names } = setUp();
  add('first', 1);
  add('second', 1);
  takeovers.claim(addressOf(1), 'new');
  const given = takeovers.next();
  assert.ok(given);
  assert.equal(takeovers.size, 1);
  takeovers.holderAnswered(given.address);
  assert.deepEqual(names(), []);
  // Nor is the claim continued when the pass is over.
  takeovers.claim(addressOf(2), 'other');
  takeovers.newPass();
  takeovers.claim(addressOf(2), 'other');
  assert.deepEqual(names(), []);
});

test('an answer before the search ends the claim', () => {
  const { takeovers, add, names } = setUp();
  add('old', 1);
  takeovers.claim(addressOf(1), 'new');
  takeovers.holderAnswered(addressOf(1));
  takeovers.newPass();
  assert.deepEqual(names(), []);
});

test('a member that is gone or was removed since the search is not given', () => {
  const { takeovers, table, add, names } = setUp();
  const members = ['a', 'b', 'c', 'd'].map((name) => add(name, 1));
  takeovers.claim(addressOf(1), 'new');
  const first = takeovers.next();
  const [dies, removed, stays] = members.filter((member) => member !== first);
  assert.ok(dies && removed && stays);
  dies.setState('dead', 1);
  table.removeIf((member) => member === removed);
  assert.deepEqual(names(), [stays.name]);
});

test('a member that was replaced by another one of its name is not given', () => {
  const { takeovers, table, add, names } = setUp();
  add('a', 1);
  add('b', 1);
  takeovers.claim(addressOf(1), 'new');
  const first = takeovers.next();
  const other = first?.name === 'a' ? 'b' : 'a';
  table.removeIf(({ name }) => name === other);
  add(other, 2);
  assert.deepEqual(names(), []);
});

test('claims, answers and waiting members are bounded', () => {
  const { takeovers, add, names } = setUp();
  add('old', 0);
  for (let n = 0; n < limits.takeoverAddresses; n++) takeovers.claim(addressOf(n), 'new');
  // One more claim drops all earlier ones.
  takeovers.claim(addressOf(limits.takeoverAddresses), 'new');
  assert.deepEqual(names(), []);
  for (let n = 0; n < limits.takeoverAddresses; n++) takeovers.holderAnswered(addressOf(n));
  takeovers.claim(addressOf(0), 'new');
  assert.deepEqual(names(), []);
  // So does one more answer.
  takeovers.holderAnswered(addressOf(limits.takeoverAddresses));
  takeovers.claim(addressOf(0), 'new');
  assert.deepEqual(names(), ['old']);
});

test('no more members wait than the limit', () => {
  const { takeovers, table, add, names } = setUp();
  const count = limits.takeoverMembers + 10;
  for (let n = 0; n < count; n++) add(`m${n}`, 1);
  takeovers.claim(addressOf(1), 'new');
  assert.ok(takeovers.next());
  assert.equal(takeovers.size, limits.takeoverMembers - 1);
  assert.equal(names().length, limits.takeoverMembers - 1);
  // A short table is always searched from its beginning.
  takeovers.claim(addressOf(1), 'new');
  assert.equal(takeovers.next(), table.at(0));
});

test('a table that is too long for one search is searched once from where the last one ended', () => {
  const { takeovers, table, add } = setUp();
  const size = 2 * limits.takeoverSearchRows + 10;
  for (let n = 0; n < size; n++) add(`m${n}`, n);
  const at = (position: number): Member => table.at(position) ?? assert.fail();
  const last = at(size - 1);
  takeovers.claim(last.address, 'new');
  assert.equal(takeovers.next(), undefined);
  assert.equal(takeovers.next(), undefined);
  assert.equal(takeovers.next(), last);
  // The whole table was searched: the claim has ended.
  for (let search = 0; search < 4; search++) assert.equal(takeovers.next(), undefined);
  // A claim in the middle of a search does not begin it anew.
  takeovers.claim(addressOf(size), 'new');
  assert.equal(takeovers.next(), undefined);
  const second = at(limits.takeoverSearchRows + 5);
  takeovers.claim(second.address, 'newer');
  assert.equal(takeovers.next(), second);
});

test('a short table is searched whole after a long one', () => {
  const { takeovers, table, add, names } = setUp();
  const size = limits.takeoverSearchRows + 10;
  for (let n = 0; n < size; n++) add(`m${n}`, n);
  takeovers.claim(addressOf(size + 1), 'new');
  assert.equal(takeovers.next(), undefined);
  table.removeIf(({ name }) => name !== 'm0' && name !== 'm1');
  takeovers.claim(addressOf(0), 'new');
  takeovers.claim(addressOf(1), 'new');
  assert.deepEqual(names(), ['m0', 'm1']);
});
