/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsFrom, Member } from '../../../src/core/member.js';
import { MemberTable } from '../../../src/core/member-table.js';
import { NameIndex } from '../../../src/core/name-index.js';
import { SeededRandom } from '../../../src/testing/index.js';
import { hashWith, spread } from '../../../src/wire/hash.js';
import { encodeText } from '../../../src/wire/text.js';
import { alive } from './harness.js';

function memberNamed(name: string): Member {
  const facts = factsFrom(alive(name));
  assert.ok(facts);
  return new Member(name, facts, 'alive', 0);
}

/** Looks a name up by its bytes, as they stand among others. */
function find(index: Pick<NameIndex, 'find'>, name: string): Member | undefined {
  const bytes = encodeText(name);
  const buf = Buffer.concat([Buffer.from('node-'), bytes, Buffer.from('0')]);
  return index.find(buf, 5, 5 + bytes.length);
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `node-${index}`);
}

test('each member is found by the bytes of its name, and other bytes find none', () => {
  const index = new NameIndex();
  const members = [...namesOf(3_000), ''].map(memberNamed);
  for (const [count, member] of members.entries()) {
    assert.equal(find(index, member.name), undefined);
    index.add(member);
    assert.equal(find(index, member.name), member);
    if (count % 500 === 0) {
      for (const earlier of members.slice(0, count))
        assert.equal(find(index, earlier.name), earlier);
    }
  }
  for (const name of ['node-3000', 'node-', 'node-00', 'NODE-1', 'nodé-1']) {
    assert.equal(find(index, name), undefined, name);
  }
});

test('names that are not ASCII, and bytes that are not text, are left to the table', () => {
  const index = new NameIndex();
  for (const name of ['é', 'n\udc80', '節点']) {
    index.add(memberNamed(name));
    assert.equal(find(index, name), undefined, name);
  }
  // A character code may equal a byte that does not encode this character, and that is another member's name.
  assert.equal(index.find(Buffer.of(0xe9), 0, 1), undefined, 'é in another encoding');
});

/** Names that all fall on one slot of however many. */
function collidingNames(count: number): string[] {
  const slot = (name: string): number => {
    let hash = 0;
    for (const byte of Buffer.from(name)) hash = hashWith(hash, byte);
    return spread(hash) & 0x3ff;
  };
  const names: string[] = [];
  for (let index = 0; names.length < count; index++) {
    if (slot(`x${index}`) === 5) names.push(`x${index}`);
  }
  return names;
}

test('names that were chosen to collide take at most a few steps each', () => {
  const index = new NameIndex();
  const members = collidingNames(200).map(memberNamed);
  for (const member of members) index.add(member);
  const found = members.filter((member) => find(index, member.name) === member);
  // Sixteen find a place on the way; the others are in the table alone.
  assert.equal(found.length, 16);
  for (const member of members) {
    assert.ok([member, undefined].includes(find(index, member.name)));
  }
});

test('a removed member is not found, and the others are', () => {
  const table = new MemberTable(new SeededRandom(1));
  for (const name of namesOf(100)) table.add(memberNamed(name));
  table.removeIf(({ name }) => name.endsWith('7'));
  const byBytes = { find: table.findByBytes.bind(table) };
  for (const name of namesOf(100)) {
    assert.equal(find(byBytes, name), table.get(name));
    assert.equal(find(byBytes, name) === undefined, name.endsWith('7'));
  }
});
