/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsFrom, Member, type MemberFacts } from '../../../../src/core/member.js';
import type { MemberState } from '../../../../src/core/member.js';
import {
  findAliveDefect,
  judgeAlive,
  type AliveCircumstances,
  type AliveVerdict,
} from '../../../../src/core/membership/judge-alive.js';
import type { AliveClaim } from '../../../../src/wire/messages.js';
import { alive, ip, mapped } from '../harness.js';

const NOW = 100_000;
const ELSEWHERE = { addr: ip('10.0.0.66') };

function facts(claim: Partial<AliveClaim> = {}): MemberFacts {
  const understood = factsFrom(alive('a', claim));
  assert.ok(understood);
  return understood;
}

/** A member under incarnation 5, in its state for 10 s. */
function held(state: MemberState = 'alive', claim: Partial<AliveClaim> = {}): Member {
  return new Member('a', facts({ incarnation: 5, ...claim }), state, NOW - 10_000);
}

function judge(
  member: Member | undefined,
  claim: Partial<AliveClaim>,
  circumstances: Partial<AliveCircumstances> = {},
): AliveVerdict {
  return judgeAlive(member, facts(claim), {
    isSelf: false,
    isOwnClaim: false,
    now: NOW,
    deadNodeReclaimMs: 0,
    allowsIp: () => true,
    ...circumstances,
  });
}

function kind(...args: Parameters<typeof judge>): AliveVerdict['kind'] {
  return judge(...args).kind;
}

const noneAllowed = { allowsIp: () => false };

// Rule 1: what is wrong with a claim as such.

const all = { requiresAll: true, ours: undefined };
const any = { requiresAll: false, ours: undefined };

test('protocol versions with min 0, max 0 or min above max are a defect', () => {
  for (const vsn of [
    Buffer.of(0, 5, 2, 0, 0, 0),
    Buffer.of(1, 0, 2, 0, 0, 0),
    Buffer.of(4, 3, 3, 0, 0, 0),
    Buffer.of(0, 5, 2),
    Buffer.of(4, 3),
  ]) {
    for (const requiresAll of [false, true]) {
      const defect = findAliveDefect('a', { meta: null, vsn }, { requiresAll, ours: undefined });
      assert.equal(defect?.reason, 'bad-versions', vsn.toString('hex'));
    }
  }
});

test('protocol versions with min up to max are valid', () => {
  for (const vsn of [Buffer.of(1, 5, 2, 0, 0, 0), Buffer.of(3, 3, 3, 0, 0, 0)]) {
    assert.equal(findAliveDefect('a', { meta: null, vsn }, all), undefined);
  }
});

test('fewer than 6 version bytes are a defect only if all are required', () => {
  const whole = Buffer.of(1, 5, 2, 0, 0, 0);
  for (let length = 0; length < 6; length++) {
    const claim = { meta: null, vsn: whole.subarray(0, length) };
    assert.equal(findAliveDefect('a', claim, all)?.reason, 'bad-versions', `${length} bytes`);
    assert.equal(findAliveDefect('a', claim, any), undefined, `${length} bytes`);
  }
});

test('metadata of more than 512 bytes is a defect', () => {
  const { vsn } = alive('a');
  assert.equal(findAliveDefect('a', { meta: Buffer.alloc(512), vsn }, any), undefined);
  const defect = findAliveDefect('a', { meta: Buffer.alloc(513), vsn }, any);
  assert.equal(defect?.reason, 'meta-too-large');
});

test('an empty name is a defect', () => {
  assert.equal(findAliveDefect('', alive(''), any)?.reason, 'bad-name');
});

// Rule 3: unknown names.

test('an unknown name is accepted if its address is allowed', () => {
  const asked: string[] = [];
  const allowsIp = (address: string): boolean => asked.push(address) > 0;
  assert.equal(kind(undefined, { incarnation: 1 }, { allowsIp }), 'accept');
  assert.deepEqual(asked, ['10.0.0.2']);
});

test('an unknown name at a disallowed address is dropped', () => {
  const verdict = judge(undefined, { incarnation: 1 }, noneAllowed);
  assert.equal(verdict.kind === 'drop' && verdict.reason, 'not-allowed');
});

// Rule 4: another address.

test('another address for an alive or suspect member is a conflict, even under a new incarnation', () => {
  for (const state of ['alive', 'suspect'] as const) {
    const circumstances = { deadNodeReclaimMs: 1 };
    for (const incarnation of [4, 5, 6]) {
      const claim = { ...ELSEWHERE, incarnation };
      assert.equal(kind(held(state), claim, circumstances), 'conflict', state);
    }
  }
});

test('another port is another address', () => {
  assert.equal(kind(held(), { incarnation: 6, port: 8000 }), 'conflict');
});

test('the same address in 4 and in 16 bytes is the same', () => {
  assert.equal(kind(held(), { incarnation: 6, addr: mapped('10.0.0.2') }), 'accept');
  const long = held('alive', { addr: mapped('10.0.0.2') });
  assert.equal(kind(long, { incarnation: 6, addr: ip('10.0.0.2') }), 'accept');
});

test('another address that is not allowed is dropped, even if the name could move', () => {
  for (const state of ['alive', 'left'] as const) {
    const verdict = judge(held(state), { ...ELSEWHERE, incarnation: 6 }, noneAllowed);
    assert.equal(verdict.kind === 'drop' && verdict.reason, 'not-allowed', state);
  }
});

test('the known address is not checked again', () => {
  assert.equal(kind(held(), { incarnation: 6 }, noneAllowed), 'accept');
});

test('the name of a member that left may move at once, under any incarnation', () => {
  for (const incarnation of [0, 5, 6]) {
    const verdict = judge(held('left'), { ...ELSEWHERE, incarnation });
    assert.deepEqual(verdict, { kind: 'accept', reclaim: true });
  }
});

test('the name of a dead member may move once it is dead for longer than deadNodeReclaimTime', () => {
  const claim = { ...ELSEWHERE, incarnation: 1 };
  const after = (deadNodeReclaimMs: number): AliveVerdict =>
    judge(held('dead'), claim, { deadNodeReclaimMs });
  assert.deepEqual(after(9999), { kind: 'accept', reclaim: true });
  assert.deepEqual(after(10_000), { kind: 'conflict' });
  assert.deepEqual(after(10_001), { kind: 'conflict' });
});

test('the name of a dead member never moves if deadNodeReclaimTime is 0', () => {
  assert.equal(kind(held('dead'), { ...ELSEWHERE, incarnation: 6 }), 'conflict');
});

test('a dead or departed member returns at the same address only under a new incarnation', () => {
  for (const state of ['dead', 'left'] as const) {
    assert.equal(kind(held(state), { incarnation: 5 }), 'ignore');
    assert.equal(kind(held(state), { incarnation: 6 }), 'accept');
  }
});

// Rule 5: incarnations.

test('an incarnation that is not above the known one is ignored', () => {
  for (const state of ['alive', 'suspect'] as const) {
    for (const incarnation of [0, 4, 5]) {
      const claim = { incarnation, meta: Buffer.from('other') };
      assert.equal(kind(held(state), claim), 'ignore', `${state} ${incarnation}`);
    }
    assert.deepEqual(judge(held(state), { incarnation: 6 }), { kind: 'accept', reclaim: false });
  }
});

test('an incarnation that has wrapped is newer', () => {
  const old = held('alive', { incarnation: 4_294_967_295 });
  assert.equal(kind(old, { incarnation: 0 }), 'accept');
  assert.equal(kind(held('alive', { incarnation: 0 }), { incarnation: 4_294_967_295 }), 'ignore');
});

// Rules 5 and 7: about ourselves.

test('about us, an earlier incarnation is ignored, whatever else the claim contains', () => {
  const claim = { incarnation: 4, meta: Buffer.from('other') };
  assert.equal(kind(held(), claim, { isSelf: true }), 'ignore');
});

test('about us, our own claim is ignored', () => {
  assert.equal(kind(held(), { incarnation: 5 }, { isSelf: true }), 'ignore');
  const withMeta = held('alive', { meta: Buffer.from('web') });
  const same = { incarnation: 5, meta: Buffer.from('web') };
  assert.equal(kind(withMeta, same, { isSelf: true }), 'ignore');
});

test('about us, no metadata and empty metadata are the same', () => {
  const empty = { incarnation: 5, meta: Buffer.alloc(0) };
  assert.equal(kind(held(), empty, { isSelf: true }), 'ignore');
  assert.equal(
    kind(held('alive', empty), { incarnation: 5, meta: null }, { isSelf: true }),
    'ignore',
  );
});

test('about us, the same incarnation with other metadata is refuted', () => {
  const withMeta = held('alive', { meta: Buffer.from('web') });
  for (const meta of [null, Buffer.from('old')]) {
    assert.equal(kind(withMeta, { incarnation: 5, meta }, { isSelf: true }), 'refute');
  }
  const claim = { incarnation: 5, meta: Buffer.from('old') };
  assert.equal(kind(held(), claim, { isSelf: true }), 'refute');
});

test('about us, the same incarnation with other versions is refuted', () => {
  const claim = { incarnation: 5, vsn: Buffer.of(1, 5, 3, 0, 0, 0) };
  assert.equal(kind(held(), claim, { isSelf: true }), 'refute');
});

test('about us, an incarnation above ours is refuted, even if everything else is correct', () => {
  assert.equal(kind(held(), { incarnation: 6 }, { isSelf: true }), 'refute');
});

test('about us, a number that is above ours as a plain number is refuted, even if ours has wrapped', () => {
  const wrapped = held('alive', { incarnation: 3 });
  assert.equal(kind(wrapped, { incarnation: 4_294_967_290 }, { isSelf: true }), 'refute');
});

test('another address for ourselves is a conflict', () => {
  assert.equal(kind(held(), { ...ELSEWHERE, incarnation: 6 }, { isSelf: true }), 'conflict');
});

test('our own claim is accepted, regardless of the state and address before', () => {
  const circumstances = { isSelf: true, isOwnClaim: true, ...noneAllowed };
  assert.equal(kind(undefined, { incarnation: 1 }, circumstances), 'accept');
  assert.equal(kind(held(), { incarnation: 6, meta: Buffer.from('new') }, circumstances), 'accept');
});
