/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsFrom, Member, type MemberState } from '../../../../src/core/member.js';
import { judgeDead, type DeadVerdict } from '../../../../src/core/membership/judge-dead.js';
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
  { isSelf = false, leaving = false } = {},
): DeadVerdict {
  return judgeDead(member, { incarnation }, { isSelf, leaving });
}

test('a dead claim about an unknown name is ignored', () => {
  assert.equal(judge(undefined, 5), 'ignore');
});

test('a dead claim with an earlier incarnation is ignored', () => {
  for (const state of ['alive', 'suspect', 'dead', 'left'] as const) {
    assert.equal(judge(held(state), 4), 'ignore', state);
  }
  assert.equal(judge(held(), 4, { isSelf: true }), 'ignore');
});

test('a dead claim about an alive or suspect member is accepted', () => {
  for (const state of ['alive', 'suspect'] as const) {
    assert.equal(judge(held(state), 5), 'accept', state);
    assert.equal(judge(held(state), 9), 'accept', state);
  }
});

test('a dead claim about a dead or departed member changes nothing', () => {
  for (const state of ['dead', 'left'] as const) {
    assert.equal(judge(held(state), 5), 'settle', state);
    assert.equal(judge(held(state), 9), 'settle', state);
    assert.equal(judge(held(state), 9, { isSelf: true }), 'settle', state);
  }
});

test('a dead claim about ourselves is refuted, unless we leave', () => {
  assert.equal(judge(held(), 5, { isSelf: true }), 'refute');
  assert.equal(judge(held(), 9, { isSelf: true }), 'refute');
  assert.equal(judge(held(), 5, { isSelf: true, leaving: true }), 'accept');
});

test('our leave does not affect dead claims about others', () => {
  assert.equal(judge(held(), 5, { leaving: true }), 'accept');
});

test('a wrapped incarnation is later than the largest', () => {
  assert.equal(judge(held('alive', 4_294_967_295), 0), 'accept');
  assert.equal(judge(held('alive', 0), 4_294_967_295), 'ignore');
});
