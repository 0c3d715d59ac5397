/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which member a message in a packet is attributed to: the one that lives at its source address, or none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsFrom, Member, type MemberState } from '../../../src/core/member.js';
import { MemberTable } from '../../../src/core/member-table.js';
import { SeededRandom } from '../../../src/testing/index.js';
import { runToCompletion } from '../../../src/wire/sliced.js';
import {
  addressOf,
  alive,
  dead,
  ip,
  makeEngine,
  record,
  suspect,
  type Harness,
} from './harness.js';

let addressesRead = 0;

class WatchedMember extends Member {
  override get address(): string {
    addressesRead++;
    return super.address;
  }
}

function memberAt(name: string, addr: Buffer, state: MemberState = 'alive'): Member {
  const facts = factsFrom(alive(name, { addr }));
  assert.ok(facts);
  return new WatchedMember(name, facts, state, 0);
}

const first = { addr: ip('10.0.0.77'), port: 7000 };
const second = { addr: ip('10.0.0.78'), port: 7000 };

function bearer({ engine }: Harness, claim = first): string | undefined {
  return engine.table.memberAtAddress(addressOf(claim))?.name;
}

test('looking up an address without a member does not walk through the table', () => {
  const table = new MemberTable(new SeededRandom(1));
  for (let i = 0; i < 1000; i++) table.add(memberAt(`m${i}`, Buffer.of(10, 1, i >> 8, i & 255)));
  assert.equal(table.memberAtAddress('10.1.0.7:7946')?.name, 'm7');
  addressesRead = 0;
  for (let i = 0; i < 100; i++) assert.equal(table.memberAtAddress(`10.2.0.1:${i}`), undefined);
  assert.equal(table.memberAtAddress('10.1.3.0:7946')?.name, 'm768');
  assert.equal(addressesRead, 0);
});

test('many members at one address do not slow down the lookup', () => {
  const table = new MemberTable(new SeededRandom(1));
  for (let i = 0; i < 2000; i++) table.add(memberAt(`m${i}`, ip('10.0.0.1'), 'suspect'));
  assert.equal(table.memberAtAddress('10.0.0.1:7946'), undefined);
  let statesRead = 0;
  for (const member of table) {
    const { state } = member;
    Object.defineProperty(member, 'state', { get: () => (statesRead++, state) });
  }
  assert.equal(table.memberAtAddress('10.0.0.1:7946'), undefined);
  assert.equal(statesRead, 0);
});

test('members that are gone are not added, and removed members are not found', () => {
  const table = new MemberTable(new SeededRandom(1));
  table.add(memberAt('gone', ip('10.0.0.1'), 'dead'));
  assert.equal(table.memberAtAddress('10.0.0.1:7946'), undefined);
  table.add(memberAt('left', ip('10.0.0.1'), 'left'));
  assert.equal(table.memberAtAddress('10.0.0.1:7946'), undefined);
  table.add(memberAt('there', ip('10.0.0.1')));
  assert.equal(table.memberAtAddress('10.0.0.1:7946')?.name, 'there');
  table.removeIf(({ name }) => name === 'there');
  assert.equal(table.memberAtAddress('10.0.0.1:7946'), undefined);
});

// Both with an index that exists when things change, and with one that is made afterwards.
for (const asks of [true, false]) {
  const when = asks ? 'asked in between' : 'asked at the end only';
  const begin = (): Harness => {
    const harness = makeEngine();
    if (asks) assert.equal(bearer(harness), undefined);
    return harness;
  };
  const between = (harness: Harness, expected: string | undefined): void => {
    if (asks) assert.equal(bearer(harness), expected);
  };

  test(`a member that took the address of a dead one is found there (${when})`, () => {
    const harness = begin();
    harness.receive(alive('old', first));
    between(harness, 'old');
    harness.receive(dead('old'));
    between(harness, undefined);
    harness.receive(alive('new', first));
    assert.equal(bearer(harness), 'new');
  });

  test(`while two members at one address count as alive, neither is found (${when})`, () => {
    const harness = begin();
    harness.receive(alive('old', first));
    harness.receive(alive('new', first));
    assert.equal(bearer(harness), undefined);
    harness.receive(suspect('old'));
    assert.equal(bearer(harness), 'new', 'the other does not answer');
    harness.receive(dead('old'));
    assert.equal(bearer(harness), 'new');
  });

  test(`a suspect member that is alone at its address is found there (${when})`, () => {
    const harness = begin();
    harness.receive(alive('a', first));
    harness.receive(suspect('a'));
    assert.equal(bearer(harness), 'a');
    harness.receive(alive('b', first));
    harness.receive(suspect('b'));
    assert.equal(bearer(harness), undefined);
  });

  test(`a member that left is not found until it is back (${when})`, () => {
    const harness = begin();
    harness.receive(alive('a', first));
    harness.receive(dead('a', { from: 'a' }));
    between(harness, undefined);
    harness.receive(alive('a', { ...first, incarnation: 2 }));
    assert.equal(bearer(harness), 'a');
  });

  test(`a member that moved is found at its new address only (${when})`, () => {
    const harness = begin();
    harness.receive(alive('a', first));
    between(harness, 'a');
    harness.receive(dead('a', { from: 'a' }));
    harness.receive(alive('a', { ...second, incarnation: 2 }));
    assert.equal(bearer(harness, second), 'a');
    assert.equal(bearer(harness, first), undefined);
  });
}

test('members learned by push/pull are found in the same way as members learned by packets', () => {
  const harness = makeEngine();
  const { engine } = harness;
  harness.receive(alive('old', first));
  assert.equal(bearer(harness), 'old');
  runToCompletion(engine.merger.merge([record('new', first), record('left', second)]));
  assert.equal(bearer(harness), undefined);
  runToCompletion(engine.merger.merge([record('old', { ...first, state: 3 })]));
  assert.equal(bearer(harness), 'new');
  assert.equal(bearer(harness, second), 'left');
});
