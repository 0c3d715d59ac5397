/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alive, dead, ip, makeEngine, ME } from '../harness.js';

for (const [from, state, reason] of [
  ['b', 'dead', 'failed'],
  ['a', 'left', 'left'],
] as const) {
  test(`a member that ${from} claims to be dead has ${reason}`, () => {
    for (const before of ['alive', 'suspect'] as const) {
      const harness = makeEngine();
      harness.addMember('a', { state: before });
      const claim = dead('a', { incarnation: 4, from });
      harness.run(100);
      harness.receive(claim);
      assert.equal(harness.member('a').state, state);
      assert.equal(harness.member('a').incarnation, 4);
      assert.equal(harness.member('a').stateChangedAt, 10_100);
      const node = harness.member('a').snapshot();
      assert.deepEqual(harness.events, [{ type: 'leave', node, reason }]);
      assert.deepEqual(harness.takeBroadcasts(), [claim]);
      assert.equal(harness.engine.suspicionsRunning, 0);
    }
  });
}

test('a dead claim that is unknown, stale or already known changes nothing', () => {
  const harness = makeEngine();
  harness.addMember('a', { incarnation: 5 });
  harness.addMember('d', { state: 'dead' });
  harness.addMember('l', { state: 'left' });
  harness.receive(dead('unknown'));
  harness.receive(dead('a', { incarnation: 4 }));
  harness.receive(dead('d', { incarnation: 9, from: 'd' }));
  harness.receive(dead('l', { incarnation: 9 }));
  assert.deepEqual(harness.engine.table.countByState(), { alive: 2, suspect: 0, dead: 1, left: 1 });
  assert.deepEqual(harness.events, []);
  assert.deepEqual(harness.takeBroadcasts(), []);
});

test('our leave is a dead claim from ourselves, and is finished when it was sent', () => {
  const harness = makeEngine();
  const { engine } = harness;
  let isDone = false;
  engine.leave(() => (isDone = true));
  assert.equal(engine.local.state, 'left');
  assert.equal(isDone, false);
  assert.deepEqual(harness.takeBroadcasts(), [dead(ME, { from: ME })]);
  assert.equal(isDone, true);
  assert.deepEqual(harness.events, []);
});

test('our death according to others is relayed while we leave, without an event', () => {
  const harness = makeEngine();
  harness.engine.self.leaving = true;
  harness.receive(dead(ME, { from: 'b' }));
  assert.equal(harness.engine.local.state, 'dead');
  assert.deepEqual(harness.takeBroadcasts(), [dead(ME, { from: 'b' })]);
  assert.deepEqual(harness.events, []);
});

test('a member that left returns under a higher incarnation', () => {
  const { engine, takeBroadcasts } = makeEngine();
  engine.leave(() => undefined);
  takeBroadcasts();
  engine.comeBack(null);
  assert.equal(engine.local.state, 'alive');
  assert.deepEqual(takeBroadcasts(), [alive(ME, { addr: ip('10.0.0.1'), incarnation: 2 })]);
});

test('a member that returned refutes again', () => {
  const { engine, receive, counters } = makeEngine();
  engine.leave(() => undefined);
  engine.comeBack(null);
  receive(dead(ME, { incarnation: 2 }));
  assert.equal(engine.local.state, 'alive');
  assert.equal(engine.local.incarnation, 3);
  assert.equal(counters.refutations, 1);
});

test('a leaving node still applies claims about others', () => {
  const harness = makeEngine();
  harness.addMember('a');
  harness.engine.leave(() => undefined);
  harness.receive(alive('b', { addr: ip('10.0.0.3') }));
  harness.receive(dead('a'));
  assert.deepEqual(harness.eventKinds, ['join', 'failed']);
});
