/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The rest of what an agent does: members with Serf's states, forced leaves, name conflicts, coalescing, snapshots.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Memberlist, MemberlistConfig } from '../../../src/index.js';
import { serf, type Serf } from '../../../src/serf/index.js';
import { encodeIntent, encodeUserEvent } from '../../../src/serf/messages.js';
import { formatSnapshot, parseSnapshot } from '../../../src/serf/snapshot.js';
import { Cluster, Log, meet, until } from '../memberlist/cluster.js';
import { delegateOf } from './delegate-of.js';

const folder = mkdtempSync(join(tmpdir(), 'serf-'));
after(() => rmSync(folder, { recursive: true }));

async function membersOf(cluster: Cluster, guests: readonly Serf[], config: MemberlistConfig = {}) {
  const lists: Memberlist[] = [];
  for (const [i, guest] of guests.entries()) {
    lists.push(await cluster.node(`n${i}`, { use: [guest], ...config }));
  }
  await meet(lists);
  return lists;
}

const namesOf = (members: readonly { readonly name: string }[]): string =>
  members.map(({ name }) => name).join(',');

const statuses = (guest: Serf): Record<string, string> =>
  Object.fromEntries(guest.members().map(({ name, status }) => [name, status]));

test('members have tags and statuses, and changes are events', async () => {
  await using cluster = new Cluster();
  const guests = [serf({ tags: { role: 'a' } }), serf({ tags: { role: 'b' } }), serf()];
  const [one, two] = guests;
  const events: string[] = [];
  one!.on('member', ({ type, members }) => events.push(`${type} ${namesOf(members)}`));
  assert.deepEqual(one!.members(), []);
  const lists = await membersOf(cluster, guests);
  const seen = one!.members().find(({ name }) => name === 'n1');
  assert.deepEqual([seen?.tags, seen?.address], [{ role: 'b' }, lists[1]!.localNode.address]);
  await two!.setTags({ role: 'c' });
  await until(lists, () => events.includes('update n1'));
  await lists[1]!.leave();
  await lists[1]!.shutdown();
  await lists[2]!.shutdown();
  await until(lists[0]!, () => events.length >= 5);
  assert.deepEqual(events.sort(), ['failed n2', 'join n1', 'join n2', 'leave n1', 'update n1']);
  assert.deepEqual(statuses(one!), { n0: 'alive', n1: 'left', n2: 'failed' });
});

test('a failed member that is forced to leave is left on all members, or erased', async () => {
  await using cluster = new Cluster();
  const guests = [serf(), serf(), serf(), serf()];
  const [one, two] = guests;
  const lists = await membersOf(cluster, guests);
  for (const list of lists.slice(2)) await list.shutdown();
  await until(lists.slice(0, 2), () =>
    guests
      .slice(0, 2)
      .every((guest) => Object.values(statuses(guest)).filter((s) => s === 'failed').length === 2),
  );
  await one!.forceLeave('n2');
  await until(lists[1]!, () => statuses(two!).n2 === 'left');
  assert.equal(lists[1]!.member('n2'), undefined, 'nobody tries to reconnect to it');
  const reaped: string[] = [];
  two!.on('member', ({ type, members }) => type === 'reap' && reaped.push(members[0]!.name));
  await one!.forceLeave('n3', { prune: true });
  await one!.forceLeave('n2', { prune: true });
  await until(lists[1]!, () => reaped.length === 2);
  assert.deepEqual(statuses(one!), { n0: 'alive', n1: 'alive' });
  assert.deepEqual(statuses(two!), { n0: 'alive', n1: 'alive' });
  const config = { code: 'ERR_MEMBERLIST_CONFIG' };
  await assert.rejects(one!.forceLeave('nobody'), config);
  await assert.rejects(one!.forceLeave('n0'), config);
});

test('a living member refutes that it was forced to leave, also with prune', async () => {
  await using cluster = new Cluster();
  const guests = [serf(), serf()];
  const lists = await membersOf(cluster, guests);
  await guests[0]!.forceLeave('n1', { prune: true });
  await until(lists, () => statuses(guests[0]!).n1 === 'alive');
});

test('of two nodes with one name the one that the members know stays', async () => {
  await using cluster = new Cluster();
  const guests = [serf(), serf(), serf(), serf()];
  const log = new Log();
  const lists = await membersOf(cluster, guests, { logger: log });
  const intruder = serf();
  const other = await cluster.node('n0', {
    ...{ use: [intruder], logger: log },
    transport: cluster.network.transport('intruder'),
  });
  await other.join([lists[1]!.localNode.address]);
  await until(lists, () => other.state === 'shutdown');
  await until(lists, () => log.of('serf-name-conflict').length >= 2);
  assert.equal(lists[0]!.state, 'running');
  assert.equal(lists[1]!.member('n0')?.address, lists[0]!.localNode.address);
  assert.notEqual(lists[1]!.member('n0')?.state, 'left');
});

test('a node that shall not resolve conflicts stays', async () => {
  await using cluster = new Cluster();
  const lists = await membersOf(cluster, [serf(), serf()]);
  const log = new Log();
  const other = await cluster.node('n0', {
    ...{ use: [serf({ resolveNameConflicts: false })], logger: log },
    transport: cluster.network.transport('intruder'),
  });
  await other.join([lists[1]!.localNode.address]);
  await until(other, () => log.of('address-conflict').length > 0);
  assert.deepEqual(log.of('serf-name-conflict'), []);
  assert.equal(other.state, 'running');
});

test('coalesced events: the last of a member, and the last of a name if it permits that', async () => {
  await using cluster = new Cluster();
  const guest = serf({ coalesce: { period: 300, quiescence: 200 } });
  const events: string[] = [];
  const members: string[] = [];
  guest.on('event', ({ name, payload }) => events.push(`${name} ${payload.toString()}`));
  guest.on('member', (event) => members.push(`${event.type} ${namesOf(event.members)}`));
  const a = await cluster.node('n0', { use: [guest] });
  const others = [
    await cluster.node('n1', { use: [serf()] }),
    await cluster.node('n2', { use: [serf()] }),
  ];
  await meet([a, ...others]);
  for (let i = 1; i <= 3; i++) {
    const event = { ltime: i, name: 'deploy', payload: Buffer.from(`v${i}`), coalesce: true };
    delegateOf(a).notifyMsg?.(encodeUserEvent(event), { addr: '' });
  }
  const always = { ltime: 9, name: 'always', payload: Buffer.from('x'), coalesce: false };
  delegateOf(a).notifyMsg?.(encodeUserEvent(always), { addr: '' });
  assert.deepEqual(events, ['always x']);
  await until(a, () => events.length === 2 && members.length > 0);
  assert.deepEqual(events, ['always x', 'deploy v3']);
  assert.deepEqual(members, ['join n1,n2']);
});

test('a snapshot keeps clocks and members: nothing is delivered twice after a restart', async () => {
  const path = join(folder, 'snapshot');
  await using cluster = new Cluster();
  const b = await cluster.node('b', { use: [serf()] });
  {
    const guest = serf({ snapshot: path });
    const a = await cluster.node('a', { use: [guest] });
    await a.join([b.localNode.address]);
    const event = { ltime: 7, name: 'e', payload: Buffer.alloc(0), coalesce: false };
    for (const list of [a, b]) delegateOf(list).notifyMsg?.(encodeUserEvent(event), { addr: '' });
    await a.shutdown();
  }
  const saved = parseSnapshot(readFileSync(path));
  assert.equal(saved.eventClock, 7);
  assert.deepEqual([...saved.alive], [['b', b.localNode.address]]);
  const guest = serf({ snapshot: path });
  const events: string[] = [];
  guest.on('event', ({ name }) => events.push(name));
  const a = await cluster.node('a', { use: [guest] });
  assert.deepEqual(guest.previousMembers, [`b/${b.localNode.address}`]);
  await a.join(guest.previousMembers);
  const later = { ltime: 8, name: 'later', payload: Buffer.alloc(0), coalesce: false };
  delegateOf(b).notifyMsg?.(encodeUserEvent(later), { addr: '' });
  await until([a, b], () => events.length > 0);
  assert.deepEqual(events, ['later']);
  await a.leave();
  await a.shutdown();
  const left = parseSnapshot(readFileSync(path));
  assert.deepEqual([left.clock, left.alive.size], [0, 0], 'after a leave it begins anew');
});

test('snapshots of agents are read, and what is no snapshot is ignored or one clear error', async () => {
  const text = [
    ...[
      '#comment',
      'alive: a b 10.0.0.1:7946',
      'alive: gone 10.0.0.2:1',
      'clock: 9',
      'not-alive: gone',
    ],
    ...[
      'event-clock: 18446744073709551615',
      'query-clock: 4',
      'coordinate: {}',
      'rubbish',
      'alive: x',
      '',
    ],
  ].join('\n');
  const state = parseSnapshot(Buffer.from(text));
  assert.deepEqual(state, {
    ...{ clock: 9, eventClock: 0, queryClock: 4 },
    alive: new Map([['a b', '10.0.0.1:7946']]),
  });
  assert.deepEqual(parseSnapshot(formatSnapshot(state)), state);
  const forged = { ...state, alive: new Map([['x\nclock: 99', '10.0.0.1:1']]) };
  assert.equal(parseSnapshot(formatSnapshot(forged)).clock, 9);
  assert.equal(parseSnapshot(Buffer.from(`${text}leave\n`)).clock, 0);
  await using cluster = new Cluster();
  const use = [serf({ snapshot: folder })];
  await assert.rejects(cluster.node('a', { use }), { code: 'ERR_MEMBERLIST_CONFIG' });
  const log = new Log();
  const path = join(folder, 'nowhere', 'snapshot');
  const b = await cluster.node('b', { use: [serf({ snapshot: path })], logger: log });
  await b.shutdown();
  assert.equal(log.of('serf-snapshot').length, 1);
});

test('wrong options are one error that names each', () => {
  const wrong = {
    coordinates: 1,
    snapshot: '',
    reconnectTimeout: 0,
    coalesce: {},
    tag: {},
  } as never;
  assert.throws(
    () => serf(wrong),
    (error: Error & { problems?: { field: string }[] }) => {
      const fields = error.problems?.map(({ field }) => field).sort();
      assert.deepEqual(fields, ['coalesce', 'coordinates', 'reconnectTimeout', 'snapshot', 'tag']);
      return true;
    },
  );
});

test('intents of long names and of nobody are not passed on for ever', async () => {
  await using cluster = new Cluster();
  const [list] = await membersOf(cluster, [serf()]);
  const take = (message: Buffer): void => delegateOf(list!).notifyMsg?.(message, { addr: '' });
  for (let i = 0; i < 3; i++)
    take(encodeIntent({ kind: 'leave', ltime: 4, node: 'x', prune: true }));
  const queued = delegateOf(list!).getBroadcasts?.(3, 60_000) ?? [];
  assert.equal(queued.filter((message) => message[0] === 0).length, 1);
});
