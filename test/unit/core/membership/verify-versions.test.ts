/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VersionCensus } from '../../../../src/core/membership/verify-versions.js';
import type { MemberRecord } from '../../../../src/wire/messages.js';
import { runToCompletion } from '../../../../src/wire/sliced.js';
import { alive, type Harness, ip, makeEngine, record } from '../harness.js';

type Versions = readonly [min: number, max: number, current: number];

interface Speaker {
  readonly name: string;
  readonly vsn: Buffer;
}

function speaker(
  name: string,
  [min, max, current]: Versions,
  { delegate = [0, 0, 0] as Versions } = {},
): Speaker {
  return { name, vsn: Buffer.of(min, max, current, ...delegate) };
}

/** Why one does not fit those that were counted in. */
function problem({ name, vsn }: Speaker, counted: readonly Speaker[]): string | undefined {
  const census = new VersionCensus();
  for (const each of counted) census.add(each.name, each.vsn);
  return census.problemWith(name, vsn);
}

const usual: Versions = [1, 5, 2];

test('members that understand each other are compatible', () => {
  const counted = [speaker('me', [1, 5, 4]), speaker('b', [2, 4, 3])];
  assert.equal(problem(speaker('a', usual), counted), undefined);
  assert.equal(problem(speaker('a', usual), []), undefined);
});

test('a current version at either end of the range is inside it', () => {
  assert.equal(problem(speaker('a', [2, 4, 2]), [speaker('me', usual)]), undefined);
  assert.equal(problem(speaker('b', [1, 5, 4]), [speaker('me', [2, 4, 2])]), undefined);
});

test('a member that demands more than another one speaks is refused, with that member and the range', () => {
  const why = problem(speaker('a', [3, 5, 3]), [speaker('me', usual)]);
  assert.equal(why, 'me speaks protocol version 2, the cluster understands 3 to 5');
});

test('a member that speaks more than another one understands is refused, with its name and the range', () => {
  const why = problem(speaker('a', [1, 5, 5]), [speaker('me', [1, 4, 2])]);
  assert.equal(why, 'a speaks protocol version 5, the cluster understands 1 to 4');
});

test('the range is that of all counted members', () => {
  const narrow = speaker('n', [2, 3, 3]);
  const me = speaker('me', usual);
  assert.match(problem(speaker('four', [1, 5, 4]), [narrow, me]) ?? '', /^four .* 2 to 3$/);
  assert.match(problem(speaker('four', [1, 5, 4]), [me, narrow]) ?? '', /^four .* 2 to 3$/);
  assert.match(problem(speaker('two', [1, 2, 2]), [me, narrow]) ?? '', /^n speaks .* 3/);
});

test('the delegate protocol is checked in the same way', () => {
  const theirs = speaker('a', usual, { delegate: [3, 4, 3] });
  const me = (delegate: Versions): Speaker[] => [speaker('me', usual, { delegate })];
  assert.equal(
    problem(theirs, me([1, 4, 2])),
    'me speaks delegate protocol version 2, the cluster understands 3 to 4',
  );
  assert.match(problem(theirs, me([3, 9, 9])) ?? '', /^me speaks delegate protocol version 9/);
  assert.equal(problem(theirs, me([3, 9, 4])), undefined);
});

test('ranges without a common version are reported as such', () => {
  const why = problem(speaker('a', [4, 5, 4]), [speaker('me', [1, 2, 2])]);
  assert.match(why ?? '', /no protocol version is understood by all \(at least 4, at most 2\)/);
});

/** Versions that are compatible with no member: each may come in one packet. */
const odd: readonly (readonly number[])[] = [
  [],
  [1, 5],
  [6, 9, 7, 0, 0, 0],
  [1, 5, 9, 0, 0, 0],
  [3, 5, 3, 0, 0, 0],
  [1, 5, 2, 7, 9, 8],
  [1, 5, 2, 9, 7, 8],
];
const odds = odd.map((versions) => Buffer.from(versions));

function objection(
  harness: Harness,
  records: MemberRecord[],
  skippedRecords = 0,
): string | undefined {
  return runToCompletion(harness.engine.merger.versionProblem({ records, skippedRecords }));
}

function merge(harness: Harness, records: readonly MemberRecord[]): void {
  runToCompletion(harness.engine.merger.merge(records));
}

const at = (host: number): { addr: Buffer } => ({ addr: ip(`10.0.0.${host}`) });

test('a table is refused if no alive member in it is compatible', () => {
  for (const vsn of odds) {
    const harness = makeEngine();
    const theirs = [record('a', { vsn, ...at(3) }), record('b', { vsn, ...at(4) })];
    assert.match(objection(harness, theirs) ?? '', /^(a|me) speaks /, vsn.toString('hex'));
    assert.match(objection(harness, [...theirs, record('me', at(1))]) ?? '', /^(a|me) speaks /);
  }
});

test('a table with one compatible member is merged without the others, which are counted', () => {
  for (const vsn of odds) {
    const harness = makeEngine();
    const theirs = [record('bad', { vsn, ...at(3) }), record('good', at(4))];
    assert.equal(objection(harness, theirs), undefined);
    merge(harness, theirs);
    assert.equal(harness.engine.table.get('bad'), undefined);
    assert.equal(harness.member('good').state, 'alive');
    assert.equal(harness.counters.drops.get('incompatible'), 1);
    assert.deepEqual(
      harness.reported('claim-refused').map(({ peer }) => peer),
      ['bad'],
    );
  }
});

test('a table is not refused if all new members in it are incompatible, but known records were skipped', () => {
  const harness = makeEngine();
  const bad = record('bad', { vsn: Buffer.of(1, 5, 2, 7, 9, 8) });
  assert.equal(objection(harness, [bad], 1), undefined);
  harness.addMember('peer');
  const { addr, vsn } = harness.member('peer');
  assert.equal(objection(harness, [bad, record('peer', { addr, vsn })]), undefined);
});

test('one packet with odd versions stops no push/pull', () => {
  for (const vsn of [...odds, Buffer.of(2, 2, 2, 0, 0, 0), Buffer.of(1, 2, 2, 0, 0, 0)]) {
    const harness = makeEngine();
    harness.receive(alive('forged', { vsn, ...at(7) }));
    assert.equal(
      objection(harness, [record('honest', { vsn: Buffer.of(1, 5, 5, 0, 0, 0) })]),
      undefined,
    );
    assert.equal(objection(harness, [record('honest')]), undefined, vsn.toString('hex'));
  }
});

test('verified members define the range, for records as well', () => {
  const harness = makeEngine();
  harness.addMember('narrow', { vsn: Buffer.of(1, 3, 2, 0, 0, 0) });
  const five = record('five', { vsn: Buffer.of(1, 5, 5, 0, 0, 0), ...at(5) });
  assert.equal(objection(harness, [five]), undefined);
  harness.engine.verified.probeAnswered(harness.member('narrow'), true);
  assert.match(objection(harness, [five]) ?? '', /^five speaks .* understands 1 to 3$/);
  merge(harness, [five, record('two', at(6))]);
  assert.equal(harness.engine.table.get('five'), undefined);
  assert.equal(harness.member('two').state, 'alive');
});

test('a claim about ourselves with odd versions is refuted, not refused', () => {
  const harness = makeEngine();
  const us = record('me', { ...at(1), incarnation: 9, vsn: Buffer.of(1, 5, 2, 7, 9, 8) });
  assert.equal(objection(harness, [us]), undefined);
  merge(harness, [us]);
  assert.equal(harness.counters.drops.get('incompatible'), undefined);
  assert.ok(harness.member('me').incarnation > 9);
});

test('versions of members that are gone are no reason to refuse a table', () => {
  const harness = makeEngine();
  const gone = record('gone', { vsn: Buffer.of(6, 9, 7, 0, 0, 0), state: 2 });
  assert.equal(objection(harness, [gone]), undefined);
  assert.equal(objection(harness, [record('a')]), undefined);
});
