/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
// How the engine stands up for itself; src/core/membership/apply.ts does it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alive, dead, ip, makeEngine, ME, suspect, type Harness } from '../harness.js';

const LARGEST = 4_294_967_295;
const HERE = { addr: ip('10.0.0.1') };

function setUp(options: Parameters<typeof makeEngine>[0] = {}): Harness {
  return makeEngine({ meta: Buffer.from('web'), ...options });
}

for (const [what, claim] of [
  ['a suspicion', suspect(ME, { incarnation: 7 })],
  ['a death', dead(ME, { incarnation: 7 })],
  ['a leave that we did not say', dead(ME, { incarnation: 7, from: ME })],
  ['a life that is not ours', alive(ME, { ...HERE, incarnation: 7 })],
] as const) {
  test(`${what} is refuted with an incarnation above it and all our data`, () => {
    const { engine, receive, member, takeBroadcasts, counters, events, reported } = setUp();
    receive(claim);
    assert.equal(member(ME).state, 'alive');
    assert.equal(member(ME).incarnation, 8);
    assert.equal(engine.self.incarnation, 8);
    assert.deepEqual(takeBroadcasts(), [
      alive(ME, { ...HERE, incarnation: 8, meta: Buffer.from('web') }),
    ]);
    assert.equal(counters.refutations, 1);
    assert.equal(engine.health.score, 1);
    assert.deepEqual(events, [{ type: 'health', score: 1 }]);
    assert.equal(reported('refuted')[0]?.incarnation, 8);
  });
}

test('the report of a refutation tells whether we were accused, and by which member', () => {
  const { receive, reported } = setUp();
  receive(suspect(ME, { from: 'x' }));
  receive(dead(ME, { incarnation: 2, from: 'y' }));
  receive(alive(ME, { ...HERE, incarnation: 9 }));
  const reports = reported('refuted');
  assert.deepEqual(
    reports.map(({ accused }) => accused),
    [true, true, false],
  );
  assert.match(reports[0]?.claim ?? '', /x/);
  assert.match(reports[1]?.claim ?? '', /y/);
});

test('a claim with an earlier incarnation is not refuted', () => {
  const { receive, engine, takeBroadcasts, counters } = setUp();
  receive(suspect(ME, { incarnation: 7 }));
  takeBroadcasts();
  receive(suspect(ME, { incarnation: 7 }));
  receive(dead(ME, { incarnation: 7 }));
  receive(alive(ME, { ...HERE, incarnation: 7 }));
  assert.deepEqual(takeBroadcasts(), []);
  assert.equal(counters.refutations, 1);
  assert.equal(engine.local.incarnation, 8);
});

test('our own claim is not refuted when it returns', () => {
  const { receive, takeBroadcasts, counters, engine } = setUp();
  receive(alive(ME, { ...HERE, meta: Buffer.from('web') }));
  assert.deepEqual(takeBroadcasts(), []);
  assert.equal(counters.refutations, 0);
  assert.equal(engine.health.score, 0);
});

test('a claim of an earlier run under the same incarnation is refuted, by its metadata or its versions', () => {
  for (const claim of [
    alive(ME, { ...HERE, meta: Buffer.from('old') }),
    alive(ME, { ...HERE, meta: Buffer.from('web'), vsn: Buffer.of(1, 4, 2, 0, 0, 0) }),
  ]) {
    const { receive, engine, takeBroadcasts } = setUp();
    receive(claim);
    assert.deepEqual(takeBroadcasts(), [
      alive(ME, { ...HERE, incarnation: 2, meta: Buffer.from('web') }),
    ]);
    assert.equal(engine.local.incarnation, 2);
  }
});

test('a refutation of the largest incarnation wraps to 0, and the next follows', () => {
  const { receive, engine, takeBroadcasts } = setUp();
  receive(suspect(ME, { incarnation: 3_000_000_000 }));
  receive(suspect(ME, { incarnation: LARGEST }));
  assert.equal(engine.local.incarnation, 0);
  receive(dead(ME, { incarnation: 0 }));
  assert.equal(engine.local.incarnation, 1);
  assert.deepEqual(takeBroadcasts(), [
    alive(ME, { ...HERE, incarnation: 1, meta: Buffer.from('web') }),
  ]);
});

test('others accept a wrapped refutation as newer than the claim', () => {
  const { receive, member, addMember, engine } = setUp();
  addMember('a', { incarnation: LARGEST, state: 'suspect' });
  const { addr } = member('a');
  receive(alive('a', { addr, incarnation: 0 }));
  assert.equal(member('a').state, 'alive');
  assert.equal(member('a').incarnation, 0);
  assert.equal(engine.suspicionsRunning, 0);
});

test('a refutation replaces the queued claim about us', () => {
  const { receive, engine } = setUp();
  receive(suspect(ME, { incarnation: 1 }));
  receive(suspect(ME, { incarnation: 2 }));
  assert.equal(engine.queue.numQueued, 1);
});

test('after a refutation our next update has a higher incarnation', () => {
  const { receive, engine, takeBroadcasts } = setUp();
  receive(suspect(ME, { incarnation: 7 }));
  engine.announce(Buffer.from('new'));
  assert.deepEqual(takeBroadcasts(), [
    alive(ME, { ...HERE, incarnation: 9, meta: Buffer.from('new') }),
  ]);
});

test('a leaving node refutes nothing', () => {
  for (const claim of [
    suspect(ME, { incarnation: 7 }),
    dead(ME, { incarnation: 7 }),
    alive(ME, { ...HERE, incarnation: 7 }),
  ]) {
    const { receive, engine, counters, takeBroadcasts } = setUp();
    engine.leave(() => undefined);
    takeBroadcasts();
    receive(claim);
    assert.equal(counters.refutations, 0);
    assert.equal(engine.local.state, 'left');
    assert.equal(engine.local.incarnation, 1);
    assert.deepEqual(takeBroadcasts(), []);
  }
});
