/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsFrom, Member, type MemberState } from '../../../../src/core/member.js';
import { isStale, judgeSuspect } from '../../../../src/core/membership/judge-suspect.js';
import type { SuspectVerdict } from '../../../../src/core/membership/judge-suspect.js';
import { alive } from '../harness.js';

/** A member under incarnation 5, unless another is given. */
function held(state: MemberState = 'alive', incarnation = 5): Member {
  const facts = factsFrom(alive('a', { incarnation }));
  assert.ok(facts);
  return new Member('a', facts, state, 0);
}

function judge(
  member: Member | undefined,
  incarnation: number,
  { isSelf = false, isUnderSuspicion = false } = {},
): SuspectVerdict {
  return judgeSuspect(member, { incarnation }, { isSelf, isUnderSuspicion });
}

test('a suspect claim about an unknown name is ignored', () => {
  assert.equal(judge(undefined, 5), 'ignore');
});

test('a suspect claim with an earlier incarnation is ignored', () => {
  assert.equal(judge(held(), 4), 'ignore');
  assert.equal(judge(held(), 4, { isSelf: true }), 'ignore');
  assert.equal(judge(held('suspect'), 4, { isUnderSuspicion: true }), 'ignore');
});

test('a suspect claim with the known incarnation, or a later one, is accepted', () => {
  assert.equal(judge(held(), 5), 'accept');
  assert.equal(judge(held(), 9), 'accept');
});

test('a suspect claim about a member under suspicion is a confirmation', () => {
  assert.equal(judge(held('suspect'), 5, { isUnderSuspicion: true }), 'confirm');
  assert.equal(judge(held('suspect'), 6, { isUnderSuspicion: true }), 'confirm');
});

test('a suspect claim about a suspect, dead or departed member is ignored if no timer runs', () => {
  for (const state of ['suspect', 'dead', 'left'] as const) {
    assert.equal(judge(held(state), 9), 'ignore', state);
    assert.equal(judge(held(state), 9, { isSelf: true }), 'ignore', state);
  }
});

test('a suspect claim about ourselves is refuted', () => {
  assert.equal(judge(held(), 5, { isSelf: true }), 'refute');
  assert.equal(judge(held(), 9, { isSelf: true }), 'refute');
});

test('a wrapped incarnation is later than the largest', () => {
  assert.equal(judge(held('alive', 4_294_967_295), 0), 'accept');
  assert.equal(judge(held('alive', 0), 4_294_967_295), 'ignore');
});

test('a claim about ourselves is stale only if it is also earlier as a plain number', () => {
  const wrapped = held('alive', 3);
  assert.equal(isStale(wrapped, { incarnation: 4_294_967_290 }, { isSelf: false }), true);
  assert.equal(isStale(wrapped, { incarnation: 4_294_967_290 }, { isSelf: true }), false);
  assert.equal(isStale(wrapped, { incarnation: 2 }, { isSelf: true }), true);
  assert.equal(isStale(wrapped, { incarnation: 3 }, { isSelf: true }), false);
});
