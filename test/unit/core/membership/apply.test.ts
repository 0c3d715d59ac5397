/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../../src/testing/index.js';
import { alive, dead, ip, makeEngine, ME, suspect, type Harness } from '../harness.js';

test('a claim too long for a packet is applied, but reported instead of queued', () => {
  const harness = makeEngine({ settings: { udpBufferSize: 400 } });
  harness.receive(alive('a', { meta: Buffer.alloc(400) }));
  assert.deepEqual(harness.eventKinds, ['join']);
  assert.deepEqual(harness.takeBroadcasts(), []);
  const [{ peer, size } = assert.fail()] = harness.reported('broadcast-too-large');
  assert.equal(peer, 'a');
  assert.ok(size > 400);
  let isDone = false;
  harness.engine.announce(Buffer.alloc(400), () => (isDone = true));
  assert.equal(isDone, true, 'a broadcast that is never sent is finished');
});

test('the longest claim that fits into a packet is queued', () => {
  const { engine, receive, takeBroadcasts, reported } = makeEngine({
    settings: { udpBufferSize: 600 },
  });
  for (const [extra, fits] of [
    [0, true],
    [1, false],
  ] as const) {
    const room = engine.broadcastBudget - engine.aliveLength(Buffer.alloc(300)) + ME.length;
    receive(alive('n'.repeat(room + extra - 2), { incarnation: 2 ** 31, meta: Buffer.alloc(300) }));
    assert.equal(takeBroadcasts().length, fits ? 1 : 0);
    assert.equal(reported('broadcast-too-large').length, fits ? 0 : 1);
  }
});

test('the state is consistent when an event is emitted', () => {
  const seen: unknown[] = [];
  const harness: Harness = makeEngine({
    effects: {
      notify: ({ type }) => {
        if (type === 'health') return;
        const { state, incarnation } = harness.member('a');
        const { queue, suspicionsRunning } = harness.engine;
        seen.push([type, state, incarnation, queue.numQueued, suspicionsRunning]);
      },
    },
  });
  harness.receive(alive('a'));
  harness.receive(suspect('a'));
  harness.receive(alive('a', { incarnation: 2, meta: Buffer.from('new') }));
  harness.receive(dead('a', { incarnation: 3 }));
  assert.deepEqual(seen, [
    ['join', 'alive', 1, 1, 0],
    ['suspect', 'suspect', 1, 1, 1],
    ['refute', 'alive', 2, 1, 0],
    ['update', 'alive', 2, 1, 0],
    ['leave', 'dead', 3, 1, 0],
  ]);
});

test('for any claims, joins and leaves alternate, no event is about ourselves and no incarnation decreases', () => {
  const random = new SeededRandom('claims');
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const harness = makeEngine();
  const { engine, events, receive, run } = harness;
  const names = [ME, 'a', 'b', 'c'];
  const highest = new Map<string, number>();
  for (let i = 0; i < 4000; i++) {
    const node = names[below(4)] as string;
    const from = names[below(4)] as string;
    const incarnation = (highest.get(node) ?? 1) + below(4) - 2;
    const addr = ip(`10.0.0.${names.indexOf(node) + 1}`);
    const claims = [alive(node, { incarnation, addr }), suspect(node, { incarnation, from })];
    receive([...claims, dead(node, { incarnation, from })][below(3)] ?? assert.fail());
    if (below(10) === 0) run(5000);
    for (const member of engine.table) {
      assert.ok(member.incarnation >= (highest.get(member.name) ?? 0), `${member.name} fell`);
      highest.set(member.name, member.incarnation);
    }
    assert.equal(engine.suspicionsRunning, engine.table.countByState().suspect);
    assert.equal(engine.local.state, 'alive');
  }
  const isMember = new Set<string>();
  let changes = 0;
  for (const event of events) {
    if (event.type === 'health' || event.type === 'conflict') continue;
    assert.notEqual(event.node.name, ME);
    if (event.type !== 'join' && event.type !== 'leave') continue;
    changes++;
    assert.equal(isMember.has(event.node.name), event.type === 'leave', event.node.name);
    if (event.type === 'join') isMember.add(event.node.name);
    else isMember.delete(event.node.name);
  }
  assert.ok(changes > 100);
});

// Reaping (behaviour, section 5): the prober does it at the end of each pass.

for (const state of ['dead', 'left'] as const) {
  test(`a member that is ${state} is reaped once that is longer ago than gossipToTheDeadTime`, () => {
    const harness = makeEngine({ settings: { gossipInterval: 0, pushPullInterval: 0 } });
    harness.addMember('gone', { state });
    harness.engine.startSchedulers();
    harness.run(30_000);
    assert.equal(harness.member('gone').state, state);
    harness.run(2000);
    assert.equal(harness.engine.table.get('gone'), undefined);
    assert.deepEqual(harness.reported('member-reaped'), [{ code: 'member-reaped', peer: 'gone' }]);
    assert.deepEqual(harness.events, []);
  });
}

test('neither suspects nor ourselves are reaped, whatever we announced', () => {
  const harness = makeEngine({
    settings: { gossipInterval: 0, pushPullInterval: 0, gossipToTheDeadTime: 1000 },
  });
  harness.addMember('suspect', { state: 'suspect' });
  harness.engine.leave(() => undefined);
  harness.engine.startSchedulers();
  harness.run(3900);
  assert.equal(harness.member('suspect').state, 'suspect');
  harness.run(60_000);
  assert.deepEqual(
    Array.from(harness.engine.table, ({ name }) => name),
    [ME],
  );
});

test('a reaped member joins as a new one, under any incarnation', () => {
  const harness = makeEngine({ settings: { gossipInterval: 0, pushPullInterval: 0 } });
  harness.addMember('a', { incarnation: 9, state: 'dead' });
  harness.engine.startSchedulers();
  harness.run(33_000);
  harness.receive(alive('a', { incarnation: 1 }));
  assert.deepEqual(harness.eventKinds, ['join']);
});
