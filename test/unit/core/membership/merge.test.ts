/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeOfRecord } from '../../../../src/core/membership/merge.js';
import { runToCompletion } from '../../../../src/wire/sliced.js';
import { alive, dead, ip, makeEngine, mapped, ME, record, recordOf, suspect } from '../harness.js';

const ALIVE = 0;
const SUSPECT = 1;
const DEAD = 2;
const LEFT = 3;

test('a member that is alive in their table joins', () => {
  const { engine, events, member, takeBroadcasts } = makeEngine();
  const meta = Buffer.from('web');
  runToCompletion(engine.merger.merge([record('a', { incarnation: 4, meta })]));
  assert.equal(member('a').state, 'alive');
  assert.deepEqual(events, [{ type: 'join', node: member('a').snapshot() }]);
  assert.deepEqual(takeBroadcasts(), [alive('a', { incarnation: 4, meta })]);
});

test('dead members in their table become suspects in ours', () => {
  const { engine, events, member, addMember, takeBroadcasts } = makeEngine();
  addMember('a', { incarnation: 4 });
  runToCompletion(engine.merger.merge([record('a', { incarnation: 4, state: DEAD })]));
  assert.equal(member('a').state, 'suspect');
  assert.equal(engine.suspicionsRunning, 1);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['suspect'],
  );
  assert.deepEqual(takeBroadcasts(), [suspect('a', { incarnation: 4, from: ME })]);
});

test('suspects in their table become suspects in ours, in our name', () => {
  const { engine, member, addMember, takeBroadcasts } = makeEngine();
  addMember('a', { incarnation: 4 });
  runToCompletion(engine.merger.merge([record('a', { incarnation: 4, state: SUSPECT })]));
  assert.equal(member('a').state, 'suspect');
  assert.deepEqual(takeBroadcasts(), [suspect('a', { incarnation: 4, from: ME })]);
});

test('members that left in their table have left in ours', () => {
  const { engine, events, member, addMember, takeBroadcasts } = makeEngine();
  addMember('a', { incarnation: 4 });
  runToCompletion(engine.merger.merge([record('a', { incarnation: 4, state: LEFT })]));
  assert.equal(member('a').state, 'left');
  assert.deepEqual(events, [{ type: 'leave', node: member('a').snapshot(), reason: 'left' }]);
  assert.deepEqual(takeBroadcasts(), [dead('a', { incarnation: 4, from: 'a' })]);
});

test('unknown names that are not alive in their table are not added', () => {
  const { engine, events } = makeEngine();
  runToCompletion(
    engine.merger.merge([SUSPECT, DEAD, LEFT].map((state) => record(`a${state}`, { state }))),
  );
  assert.equal(engine.table.size, 1);
  assert.deepEqual(events, []);
});

test('records with an earlier incarnation change nothing', () => {
  const { engine, events, member, addMember } = makeEngine();
  addMember('a', { incarnation: 4 });
  const states = [ALIVE, SUSPECT, DEAD, LEFT];
  runToCompletion(
    engine.merger.merge(states.map((state) => record('a', { incarnation: 3, state }))),
  );
  assert.equal(member('a').state, 'alive');
  assert.deepEqual(events, []);
});

test('a record with an unknown state is ignored, and the rest is merged', () => {
  const { engine } = makeEngine();
  runToCompletion(
    engine.merger.merge([record('a', { state: 4 }), record('b', { state: 255 }), record('c')]),
  );
  assert.deepEqual(Array.from(engine.table, ({ name }) => name).sort(), ['c', ME]);
});

test('a table in which we are suspect, dead or left is refuted', () => {
  for (const state of [SUSPECT, DEAD, LEFT]) {
    const { engine, member, takeBroadcasts, counters } = makeEngine();
    runToCompletion(
      engine.merger.merge([record(ME, { addr: ip('10.0.0.1'), incarnation: 7, state })]),
    );
    assert.equal(member(ME).state, 'alive', `state ${state}`);
    assert.equal(member(ME).incarnation, 8);
    assert.equal(counters.refutations, 1);
    assert.deepEqual(takeBroadcasts(), [alive(ME, { addr: ip('10.0.0.1'), incarnation: 8 })]);
  }
});

test('our own row in their table, as we sent it, changes nothing', () => {
  const { engine, events, counters } = makeEngine({ meta: Buffer.from('web') });
  runToCompletion(engine.merger.merge(Array.from(engine.table, recordOf)));
  assert.deepEqual(events, []);
  assert.equal(counters.refutations, 0);
  assert.equal(engine.local.incarnation, 1);
});

test('our table is sent with every state, and with the received address bytes', () => {
  const { engine, addMember } = makeEngine();
  const meta = Buffer.from('web');
  addMember('a', { meta, incarnation: 9, addr: mapped('10.0.0.2'), port: 8000 });
  addMember('s', { state: 'suspect' });
  addMember('d', { state: 'dead' });
  addMember('l', { state: 'left' });
  const records = new Map(Array.from(engine.table, recordOf).map((each) => [each.name, each]));
  assert.equal(records.size, 5);
  const states = [ME, 'a', 's', 'd', 'l'].map((name) => records.get(name)?.state);
  assert.deepEqual(states, [ALIVE, ALIVE, SUSPECT, DEAD, LEFT]);
  const about = { meta, incarnation: 9, addr: mapped('10.0.0.2'), port: 8000 };
  assert.deepEqual(records.get('a'), record('a', about));
});

test('a record is sent with the incarnation of the last claim, even of an accusation', () => {
  const { engine, addMember, receive } = makeEngine();
  addMember('a', { incarnation: 2 });
  receive(suspect('a', { incarnation: 6 }));
  assert.equal(Array.from(engine.table, recordOf).find(({ name }) => name === 'a')?.incarnation, 6);
});

test('a stopped engine merges nothing', () => {
  const { engine } = makeEngine();
  engine.stop();
  runToCompletion(engine.merger.merge([record('a')]));
  assert.equal(engine.table.size, 1);
});

test('the merge delegate receives a record as a node in its state', () => {
  const states = [ALIVE, SUSPECT, DEAD, LEFT].map(
    (state) => nodeOfRecord(record('a', { state }))?.state,
  );
  assert.deepEqual(states, ['alive', 'suspect', 'dead', 'left']);
  assert.equal(nodeOfRecord(record('a'))?.address, '10.0.0.2:7946');
});

test('the merge delegate does not receive a record with an invalid address or state', () => {
  assert.equal(nodeOfRecord(record('a', { addr: Buffer.alloc(5) })), undefined);
  assert.equal(nodeOfRecord(record('a', { state: 4 })), undefined);
});
