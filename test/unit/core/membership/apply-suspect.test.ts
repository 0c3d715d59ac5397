/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a suspect claim does, and what becomes of a suspicion (behaviour, 4 and 4.1).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alive, dead, makeEngine, ME, suspect, type Harness } from '../harness.js';

/** `a` is one of this many members, and another member has just claimed that it does not answer. */
function accuse(members: number): Harness {
  const harness = makeEngine();
  harness.addMember('a');
  while (harness.engine.table.size < members) harness.addMember(`m${harness.engine.table.size}`);
  harness.receive(suspect('a'));
  return harness;
}

/** How long after the accusation `a` was declared dead. */
function msUntilDead(harness: Harness): number {
  for (let ms = 0; ms < 100_000; ms++) {
    if (harness.member('a').state === 'dead') return ms;
    harness.run(1);
  }
  assert.fail('it was never declared dead');
}

test('a suspicion is stored with its time, reported and rebroadcast', () => {
  const harness = makeEngine();
  harness.addMember('a');
  harness.run(100);
  const claim = suspect('a', { incarnation: 4 });
  harness.receive(claim);
  const { state, incarnation, stateChangedAt } = harness.member('a');
  assert.deepEqual([state, incarnation, stateChangedAt], ['suspect', 4, 10_100]);
  assert.equal(harness.engine.suspicionsRunning, 1);
  assert.deepEqual(harness.events, [{ type: 'suspect', node: harness.member('a').snapshot() }]);
  assert.deepEqual(harness.takeBroadcasts(), [claim]);
  const by = 'accuser';
  assert.deepEqual(harness.reports, [{ code: 'member-suspected', peer: 'a', by }]);
});

test('a suspicion that is unknown, stale, or about a member that is gone changes nothing', () => {
  const harness = makeEngine();
  harness.addMember('a', { incarnation: 5 });
  harness.addMember('d', { state: 'dead' });
  harness.addMember('l', { state: 'left' });
  harness.receive(suspect('unknown'));
  harness.receive(suspect('a', { incarnation: 4 }));
  harness.receive(suspect('d', { incarnation: 9 }));
  harness.receive(suspect('l', { incarnation: 9 }));
  assert.deepEqual(harness.engine.table.countByState(), { alive: 2, suspect: 0, dead: 1, left: 1 });
  assert.equal(harness.engine.suspicionsRunning, 0);
  assert.deepEqual(harness.events, []);
  assert.deepEqual(harness.takeBroadcasts(), []);
});

test('confirmations are rebroadcast if they are new and wanted, and change nothing else', () => {
  const harness = accuse(10);
  const { receive, takeBroadcasts, member } = harness;
  const before = member('a').snapshot();
  harness.forget();
  for (const [from, isNew] of [
    ['accuser', false],
    ['b', true],
    ['b', false],
    ['c', true],
    ['d', false],
  ] as const) {
    const claim = suspect('a', { from });
    receive(claim);
    assert.deepEqual(takeBroadcasts(), isNew ? [claim] : [], from);
  }
  assert.equal(member('a').snapshot(), before);
  assert.deepEqual(harness.events, []);
});

test('a confirmation with an earlier incarnation does not count', () => {
  const harness = makeEngine();
  for (let i = 0; i < 5; i++) harness.addMember(`m${i}`, { incarnation: 5 });
  harness.receive(suspect('m0', { incarnation: 5 }));
  harness.forget();
  harness.receive(suspect('m0', { incarnation: 4, from: 'b' }));
  assert.deepEqual(harness.takeBroadcasts(), []);
});

for (const [confirmers, ms] of [
  [[], 24_000],
  [['b'], 11_381],
  [['b', 'c'], 4000],
] as const) {
  test(`among 10 members and after ${confirmers.length} confirmations a suspect is dead in ${ms} ms`, () => {
    const harness = accuse(10);
    for (const from of confirmers) harness.receive(suspect('a', { from }));
    assert.equal(msUntilDead(harness), ms);
  });
}

test('a suspect is dead after the minimum timeout if no member can confirm', () => {
  assert.equal(msUntilDead(accuse(2)), 4000);
  assert.equal(msUntilDead(accuse(3)), 4000);
  assert.equal(msUntilDead(accuse(4)), 24_000);
});

test('the timeout grows with the cluster', () => {
  const minMs = 4 * Math.log10(100) * 1000;
  assert.equal(msUntilDead(accuse(100)), 6 * minMs);
});

test('a suspect that timed out is declared dead, in our name, with the known incarnation', () => {
  const harness = accuse(2);
  harness.forget();
  harness.run(4000);
  const node = harness.member('a').snapshot();
  assert.deepEqual(harness.events, [{ type: 'leave', node, reason: 'failed' }]);
  assert.deepEqual(harness.takeBroadcasts(), [dead('a', { from: ME })]);
  assert.deepEqual(harness.reported('member-failed')[0]?.by, ME);
  assert.equal(harness.engine.suspicionsRunning, 0);
});

test('a death after fewer confirmations than wanted is counted', () => {
  for (const [members, confirmers, degraded] of [
    [10, [], 1],
    [10, ['b'], 1],
    [10, ['b', 'c'], 0],
    [2, [], 0],
  ] as const) {
    const harness = accuse(members);
    for (const from of confirmers) harness.receive(suspect('a', { from }));
    harness.run(30_000);
    assert.equal(harness.counters.unconfirmedSuspicionTimeouts, degraded);
    assert.equal(harness.reported('suspicion-unconfirmed').length, degraded);
    assert.equal(harness.reported('member-failed')[0]?.confirmations, confirmers.length);
  }
});

test('a suspicion ends with a death or a refutation, and the next one starts anew', () => {
  const harness = accuse(2);
  harness.run(3000);
  harness.receive(alive('a', { incarnation: 2 }));
  harness.receive(suspect('a', { incarnation: 2 }));
  harness.run(3999);
  assert.equal(harness.member('a').state, 'suspect', 'the second suspicion has its own time');
  harness.run(1);
  assert.equal(harness.member('a').state, 'dead');
});

test('a death declared by others ends the suspicion, and is not declared again', () => {
  const harness = accuse(2);
  harness.receive(dead('a', { from: 'b' }));
  assert.equal(harness.engine.suspicionsRunning, 0);
  harness.forget();
  harness.run(10_000);
  assert.deepEqual(harness.events, []);
  assert.deepEqual(harness.takeBroadcasts(), []);
});

test('a refutation that arrived before the timeout counts, even if the timer fires first', () => {
  const harness = accuse(2);
  const { clock, engine, packet } = harness;
  // Armed after the suspicion's timer and for the same moment: as a socket read after a stall.
  clock.setTimer(4000, () => {
    const from = { addr: '10.0.0.2:7946' };
    engine.receivePacket(packet(alive('a', { incarnation: 2 })), from, clock.now());
  });
  harness.run(10_000);
  assert.equal(harness.member('a').state, 'alive');
  assert.deepEqual(harness.eventKinds, ['suspect', 'refute']);
});

test('a stopped engine declares no member dead', () => {
  const harness = accuse(2);
  harness.engine.stop();
  assert.equal(harness.engine.suspicionsRunning, 0);
  harness.run(10_000);
  assert.deepEqual(harness.eventKinds, ['suspect']);
});
