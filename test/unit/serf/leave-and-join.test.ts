/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A guest's leaves and joins: what is void, what counts, and what others are told of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Memberlist } from '../../../src/index.js';
import { serf, type Serf } from '../../../src/serf/index.js';
import { decodeState, encodeIntent, encodeState } from '../../../src/serf/messages.js';
import { addressOf, Cluster, until } from '../memberlist/cluster.js';
import { delegateOf } from './delegate-of.js';

const create = (cluster: Cluster, name: string, guest: Serf, more = {}): Promise<Memberlist> =>
  cluster.node(name, { use: [guest], ...more });

/** What agents say of a member by their states. */
const stateOf = (list: Memberlist) => decodeState(delegateOf(list).localState?.(false) as Buffer);

for (const [what, quiet] of [
  ['timed out', { gossipInterval: 3_600_000, probeInterval: 3_600_000 }],
  ['timed out while it was gossiped', {}],
] as const) {
  test(`a leave that ${what} has no effect once the node has joined again`, async () => {
    await using cluster = new Cluster();
    const a = await create(cluster, 'a', serf());
    const b = await create(cluster, 'b', serf(), quiet);
    await b.join([addressOf(a).addr]);
    const gone: string[] = [];
    await assert.rejects(b.leave({ timeout: 1 }), { code: 'ERR_MEMBERLIST_TIMEOUT' });
    assert.equal(b.localNode.state, 'left', 'as without a guest, it has left all the same');
    await b.join([addressOf(a).addr]);
    b.on('leave', ({ name }) => gone.push(name));
    assert.equal(b.localNode.state, 'alive');
    await until([a, b], () => a.member('b')?.state === 'alive');
    // Whatever is queued is gossiped by then.
    const c = await create(cluster, 'c', serf());
    await c.join([addressOf(b).addr]);
    await until([a, b, c], () => a.numMembers === 3);
    await until([a, b], () => (stateOf(a).statusLtimes.get('b') ?? 0) > 1);
    assert.equal(b.localNode.state, 'alive');
    assert.equal(a.member('b')?.state, 'alive');
    assert.deepEqual(stateOf(a).leftMembers, []);
    assert.deepEqual(gone, []);
  });
}

test('a join while a leave is under way ends that leave, and the join counts', async () => {
  await using cluster = new Cluster();
  const a = await create(cluster, 'a', serf());
  const b = await create(cluster, 'b', serf(), { gossipInterval: 3_600_000 });
  await b.join([addressOf(a).addr]);
  const leaving = b.leave({ timeout: 60_000 });
  await b.join([addressOf(a).addr]);
  await leaving;
  assert.equal(b.localNode.state, 'alive');
  await until([a, b], () => a.member('b')?.state === 'alive');
});

test('a false word that a node leaves is answered once, also after a leave and a join of its own', async () => {
  await using cluster = new Cluster();
  const a = await create(cluster, 'a', serf());
  const b = await create(cluster, 'b', serf());
  await b.join([addressOf(a).addr]);
  const ownTime = (): number | undefined => stateOf(b).statusLtimes.get('b');
  const hearLeave = (ltime: number): void =>
    delegateOf(b).notifyMsg?.(encodeIntent({ kind: 'leave', ltime, node: 'b' }), { addr: '' });
  hearLeave(100);
  assert.equal(ownTime(), 101);
  hearLeave(100);
  assert.equal(ownTime(), 101, 'the answer is known, and its time does not rise for ever');
  await b.leave();
  await b.join([addressOf(a).addr]);
  hearLeave(200);
  assert.equal(ownTime(), 201);
});

test('a leave that nobody is there to hear is not said to those that come later', async () => {
  await using cluster = new Cluster();
  const a = await create(cluster, 'a', serf());
  await a.leave();
  assert.deepEqual(delegateOf(a).getBroadcasts?.(3, 60_000), []);
});

test('after all have left at once each of them can join again, and stays', async () => {
  await using cluster = new Cluster();
  const lists: Memberlist[] = [];
  for (const name of ['a', 'b', 'c']) {
    lists.push(await create(cluster, name, serf(), { probeInterval: 0 }));
  }
  const [a, ...others] = lists as [Memberlist, Memberlist, Memberlist];
  for (const other of others) await other.join([addressOf(a).addr]);
  await until(lists, () => lists.every(({ numMembers }) => numMembers === 3));
  await Promise.all(lists.map((list) => list.leave()));
  assert.deepEqual(
    lists.map(({ localNode }) => localNode.state),
    ['left', 'left', 'left'],
  );
  for (const other of others) await other.join([addressOf(a).addr]);
  await a.join([addressOf(others[0]).addr]);
  await until(lists, () => lists.every(({ numMembers }) => numMembers === 3));
  await until(lists, () => lists.every((list) => stateOf(list).leftMembers.length === 0));
  assert.deepEqual(
    lists.map(({ localNode }) => localNode.state),
    ['alive', 'alive', 'alive'],
  );
});

test('a leave while a join still waits for a seed ends the join, and is called left', async () => {
  await using cluster = new Cluster();
  const a = await create(cluster, 'a', serf());
  const transport = cluster.network.transport('b');
  const dial = transport.dial.bind(transport);
  // The second seed takes the connection, and nothing comes of it.
  const silence = (signal?: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
    });
  transport.dial = (to, options) =>
    to.addr === '10.9.9.9:1' ? silence(options.signal) : dial(to, options);
  const b = await create(cluster, 'b', serf(), { transport });
  const joining = b.join([addressOf(a).addr, '10.9.9.9:1']);
  await until([a, b], () => a.numMembers === 2 && b.numMembers === 2);
  const words: number[] = [];
  a.on('message', (payload) => payload[0] === 1 && words.push(payload[0]));
  await b.leave();
  await until(a, () => a.member('b')?.state === 'left');
  words.length = 0;
  transport.dial = dial;
  await b.shutdown();
  await joining.catch(() => undefined);
  assert.deepEqual(words, []);
  assert.deepEqual(stateOf(a).leftMembers, ['b']);
});

test('who is on the list of those who left has left after the time that it is given', async () => {
  await using cluster = new Cluster();
  const a = await create(cluster, 'a', serf());
  const b = await create(cluster, 'b', serf(), { probeInterval: 0 });
  await b.join([addressOf(a).addr]);
  const merge = (leftMembers: string[]): void => {
    const statusLtimes = new Map([['b', 50]]);
    const times = { ltime: 60, eventLtime: 1, queryLtime: 1 };
    const state = encodeState({ ...times, statusLtimes, leftMembers, events: [] });
    delegateOf(a).mergeRemoteState?.(state, false);
  };
  // The agent has heard the leave, but not yet that b is gone: to us its time looks like that of a join.
  merge([]);
  await b.shutdown();
  await until(a, () => a.member('b')?.state === 'dead');
  assert.deepEqual(stateOf(a).leftMembers, []);
  merge(['b']);
  assert.deepEqual(stateOf(a).leftMembers, ['b']);
  assert.equal(stateOf(a).statusLtimes.get('b'), 51);
  for (let i = 0; i < 3; i++) merge(['b']);
  assert.equal(stateOf(a).statusLtimes.get('b'), 51, 'the time does not rise for ever');
});
