/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsFrom, Member, nodeFrom } from '../../../src/core/member.js';
import { hasVersions, versionRanges } from '../../../src/core/versions.js';
import type { MemberFacts } from '../../../src/core/member.js';
import type { AliveClaim } from '../../../src/wire/messages.js';
import { alive, ip, mapped } from './harness.js';

function facts(claim: Partial<AliveClaim> = {}): MemberFacts {
  const understood = factsFrom(alive('a', claim));
  assert.ok(understood);
  return understood;
}

test('the facts of a claim are its content and the text of its address', () => {
  const claim = alive('a', { incarnation: 7, port: 8000, meta: Buffer.from('web') });
  const { addr, port, meta, vsn, incarnation } = claim;
  assert.deepEqual(factsFrom(claim), {
    addr,
    port,
    address: '10.0.0.2:8000',
    meta,
    vsn,
    incarnation,
  });
});

test('a mapped IPv4 address keeps its 16 bytes and has the text of the 4', () => {
  const { addr, address } = facts({ addr: mapped('10.0.0.2') });
  assert.equal(addr.length, 16);
  assert.equal(address, '10.0.0.2:7946');
});

test('an address of neither 4 nor 16 bytes is invalid', () => {
  for (const length of [0, 3, 5, 15, 17]) {
    assert.equal(factsFrom(alive('a', { addr: Buffer.alloc(length) })), undefined);
  }
});

test('a full set of version bytes gives two ranges with the spoken version', () => {
  assert.deepEqual(versionRanges(Buffer.of(1, 5, 2, 3, 9, 4)), [
    { min: 1, max: 5, current: 2 },
    { min: 3, max: 9, current: 4 },
  ]);
  assert.equal(hasVersions(Buffer.of(1, 5, 2, 3, 9, 4)), true);
});

test('fewer version bytes than a full set count as zeros', () => {
  const zeros = { min: 0, max: 0, current: 0 };
  for (const vsn of [Buffer.of(), Buffer.of(1, 5), Buffer.of(1, 5, 2, 3, 9)]) {
    assert.deepEqual(versionRanges(vsn), [zeros, zeros]);
    assert.equal(hasVersions(vsn), false);
    assert.equal(new Member('a', facts({ vsn }), 'alive', 0).protocolMax, 0);
  }
  assert.equal(new Member('a', facts(), 'alive', 0).protocolMax, 5);
});

test('a snapshot shows everything about a member', () => {
  const member = new Member('a', facts({ incarnation: 3, meta: Buffer.from('web') }), 'suspect', 5);
  assert.deepEqual(member.snapshot(), {
    name: 'a',
    addr: '10.0.0.2',
    port: 7946,
    address: '10.0.0.2:7946',
    meta: Buffer.from('web'),
    extensions: Object.create(null) as Record<string, number>,
    state: 'suspect',
    incarnation: 3,
    protocol: { min: 1, max: 5, current: 2 },
    delegateProtocol: { min: 0, max: 0, current: 0 },
  });
});

test('a member without metadata shows empty metadata, and an IPv6 address is in brackets', () => {
  const node = nodeFrom('a', facts({ addr: ip('fd00::2'), meta: null }), 'alive');
  assert.equal(node.meta.length, 0);
  assert.equal(node.addr, 'fd00::2');
  assert.equal(node.address, '[fd00::2]:7946');
});

test('a snapshot is frozen and the same object until something changes', () => {
  const member = new Member('a', facts(), 'alive', 0);
  const first = member.snapshot();
  assert.ok(Object.isFrozen(first) && Object.isFrozen(first.protocol));
  assert.equal(member.snapshot(), first);

  member.setState('suspect', 1);
  assert.equal(member.snapshot().state, 'suspect');
  member.setIncarnation(4);
  assert.equal(member.snapshot().incarnation, 4);
  member.setFacts(facts({ incarnation: 5, meta: Buffer.from('new') }));
  assert.equal(member.snapshot().incarnation, 5);
  assert.equal(member.snapshot().meta.toString(), 'new');
  assert.equal(first.state, 'alive');
  assert.equal(first.incarnation, 1);
});

test('a change of state sets the time of the state, a change of facts does not', () => {
  const member = new Member('a', facts(), 'alive', 100);
  member.setFacts(facts({ incarnation: 2 }));
  assert.equal(member.stateChangedAt, 100);
  member.setState('dead', 250);
  assert.equal(member.stateChangedAt, 250);
});

test('an accusation raises the incarnation and keeps the facts', () => {
  const meta = Buffer.from('web');
  const member = new Member('a', facts({ incarnation: 2, meta }), 'alive', 0);
  member.setIncarnation(5);
  assert.equal(member.incarnation, 5);
  assert.deepEqual([member.meta, member.address], [meta, '10.0.0.2:7946']);
  assert.equal(member.snapshot().incarnation, 5);
});

test('packets are sent to the last claimed address', () => {
  const member = new Member('a', facts(), 'alive', 0);
  assert.deepEqual(member.destination, { addr: '10.0.0.2:7946', name: 'a' });
  member.setFacts(facts({ addr: ip('10.0.0.7') }));
  assert.equal(member.destination.addr, '10.0.0.7:7946');
  member.setFacts(facts({ addr: ip('10.0.0.7'), port: 8000 }));
  assert.equal(member.destination.addr, '10.0.0.7:8000');
});

test('dead and left members are gone, alive and suspect ones are not', () => {
  const isGone = (state: Member['state']): boolean => new Member('a', facts(), state, 0).isGone;
  assert.deepEqual(
    ['alive', 'suspect'].map((state) => isGone(state as Member['state'])),
    [false, false],
  );
  assert.deepEqual(
    ['dead', 'left'].map((state) => isGone(state as Member['state'])),
    [true, true],
  );
});

test('a member keeps no view of a packet, and users get no view of its own data', () => {
  const claim = alive('a', { meta: Buffer.from('web'), addr: mapped('10.0.0.2') });
  const understood = factsFrom(claim);
  assert.ok(understood);
  const member = new Member('a', understood, 'alive', 0);
  for (const bytes of [claim.addr, claim.vsn, claim.meta]) bytes?.fill(0xee);
  assert.deepEqual([member.meta, member.addr], [Buffer.from('web'), mapped('10.0.0.2')]);
  assert.equal(member.protocolMax, 5);
  member.snapshot().meta.fill(0xee);
  assert.deepEqual(member.meta, Buffer.from('web'));
});

test('changed metadata is written in place if it fits, and never over another member’s', () => {
  const [first, second] = ['load 7', 'load 8'].map(
    (meta) => new Member(meta, facts({ meta: Buffer.from(meta) }), 'alive', 0),
  );
  assert.ok(first && second);
  const where = (): unknown[] => [first.metaBuf, first.metaStart];
  const placed = where();
  const seen = first.snapshot();
  for (const meta of ['load 9', 'load 10', 'load 100', 'load', '7 load']) {
    first.setFacts(facts({ meta: Buffer.from(meta) }));
    assert.deepEqual([first.meta?.toString(), second.meta?.toString()], [meta, 'load 8']);
    assert.equal(first.snapshot().meta.toString(), meta);
    assert.deepEqual(where(), placed);
  }
  assert.equal(seen.meta.toString(), 'load 7', 'what users hold stays as it was');

  first.setFacts(facts({ meta: Buffer.from('load 1000') }));
  assert.notDeepEqual(where(), placed);
  first.setFacts(facts({ meta: null }));
  first.setFacts(facts({ meta: Buffer.from('x') }));
  assert.deepEqual([first.meta?.toString(), second.meta?.toString()], ['x', 'load 8']);
});

test('this also holds for metadata of maximum length', () => {
  const member = new Member('a', facts({ meta: Buffer.alloc(505, 1) }), 'alive', 0);
  const { metaBuf, metaStart } = member;
  for (const length of [512, 500, 504, 497]) {
    member.setFacts(facts({ meta: Buffer.alloc(length, length) }));
    assert.deepEqual(member.meta, Buffer.alloc(length, length));
  }
  assert.deepEqual([member.metaBuf, member.metaStart], [metaBuf, metaStart]);
});

test('no metadata and empty metadata are the same to users, and differ on the wire', () => {
  const member = new Member('a', facts({ meta: null }), 'alive', 0);
  const empty = Buffer.alloc(0);
  assert.equal(member.meta, null);
  assert.ok(member.hasMeta(null) && member.hasMeta(empty) && !member.hasMeta(Buffer.from('x')));
  member.setFacts(facts({ meta: empty }));
  assert.deepEqual(member.meta, empty);
  member.setFacts(facts({ meta: Buffer.from('x') }));
  assert.ok(member.hasMeta(Buffer.from('x')) && !member.hasMeta(null));
  member.setFacts(facts({ meta: null }));
  assert.equal(member.meta, null);
});
