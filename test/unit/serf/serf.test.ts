/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Guests among themselves, and against what a wrong agent may say. With real agents: test/interop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Memberlist } from '../../../src/index.js';
import { serf, type Serf, type SerfEvent } from '../../../src/serf/index.js';
import { LamportClock } from '../../../src/serf/lamport-clock.js';
import { decodeIntent, decodeState, encodeIntent } from '../../../src/serf/messages.js';
import { pack } from '../../../src/serf/pack.js';
import { Recent } from '../../../src/serf/recent.js';
import { ipToBytes, splitHostPort } from '../../../src/wire/address.js';
import { serfLimits } from '../../../src/serf/limits.js';
import { addressOf, Cluster, fast, Log, until } from '../memberlist/cluster.js';
import { delegateOf } from './delegate-of.js';

const recentTexts = (): Recent<string> =>
  new Recent<string>({
    keyOf: (text) => text,
    bytesOf: ({ length }) => length,
    mostBytes: 1 << 20,
  });

const create = (cluster: Cluster, name: string, guest: Serf, more = {}): Promise<Memberlist> =>
  cluster.node(name, { use: [guest], ...more });

test('a Lamport clock goes past what it hears, and stops before numbers run out', () => {
  const clock = new LamportClock();
  assert.equal(clock.stamp(), 1);
  clock.witness(10);
  clock.witness(3);
  assert.equal(clock.stamp(), 11);
  clock.witness(Number.MAX_SAFE_INTEGER);
  assert.equal(clock.stamp(), Number.MAX_SAFE_INTEGER);
  assert.equal(clock.time, Number.MAX_SAFE_INTEGER);
});

test('what fits into no packet is an error at once: an event, and tags', async () => {
  await using cluster = new Cluster();
  const guest = serf({ tags: { role: 'web' } });
  const list = await create(cluster, 'a', guest, { udpBufferSize: 512 });
  const most = list.maxBroadcastBytes;
  assert.throws(() => guest.sendEvent('e', Buffer.alloc(most)), {
    code: 'ERR_MEMBERLIST_MESSAGE_TOO_LARGE',
  });
  guest.sendEvent('e', Buffer.alloc(most - 100));
  const tags = { role: 'x'.repeat(490) };
  await assert.rejects(guest.setTags(tags), { code: 'ERR_MEMBERLIST_MESSAGE_TOO_LARGE' });
  assert.deepEqual(guest.tags, { role: 'web' });
  await list.updateNode();
});

test('what was heard is new once, and what is old is not new', () => {
  const recent = recentTexts();
  assert.deepEqual(
    [recent.isNew(5, 'a', 6), recent.isNew(5, 'a', 6), recent.isNew(5, 'b', 6)],
    [true, false, true],
  );
  assert.equal(recent.isNew(5 + 512, 'a', 518), true, 'the place is used again');
  assert.equal(recent.isNew(5, 'a', 518), false);
  recent.ignoreBefore(1_000);
  assert.equal(recent.isNew(999, 'c', 1_000), false);
  assert.equal(recent.isNew(1_000, 'c', 1_000), true);
});

test('any number of events may have one Lamport time; their bytes have a bound', () => {
  const recent = recentTexts();
  const isNew = (ltime: number, i: number): boolean => recent.isNew(ltime, `${i}`, ltime);
  for (let i = 0; i < 1_000; i++) assert.equal(isNew(1, i), true);
  for (let i = 0; i < 1_000; i++) assert.equal(isNew(1, i), false);
  for (let i = 0; i < 100_000; i++) isNew(2, i);
  const remembered = [...recent];
  assert.ok(remembered.length > 1_000 && remembered.length < 10_000, 'nobody fills it');
  assert.equal(isNew(1, 5_000), false, 'the older time was forgotten as a whole');
  assert.equal(isNew(2, 99_999), false, 'what found no room is not new the next time either');
  assert.equal(isNew(3, 0), true, 'a newer time takes the place');
  assert.deepEqual([...recent], ['0']);
});

test('the extension sets the versions of its protocol, and the metadata', async () => {
  await using cluster = new Cluster();
  const list = await create(cluster, 'a', serf({ tags: { role: 'web' } }));
  assert.deepEqual(list.localNode.delegateProtocol, { min: 2, max: 5, current: 4 });
  assert.equal(list.localNode.meta[0], 255);
});

test('an event reaches every guest once, the sender among them', async () => {
  await using cluster = new Cluster();
  const guests = ['a', 'b', 'c'].map(() => serf());
  const heard: [at: number, event: SerfEvent][] = [];
  const lists: Memberlist[] = [];
  for (const [i, guest] of guests.entries()) {
    guest.on('event', (event) => heard.push([i, event]));
    lists.push(await create(cluster, `n${i}`, guest));
  }
  for (const list of lists.slice(1)) await list.join([addressOf(lists[0]!).addr]);
  await until(lists, () => lists.every(({ numMembers }) => numMembers === 3));
  guests[1]!.sendEvent('deploy', Buffer.from('v1'), { coalesce: false });
  guests[2]!.sendEvent('deploy', Buffer.from('v2'));
  await until(lists, () => heard.length >= 6);
  // They are gossiped several times; whoever hears them again says nothing.
  await Promise.all(lists.map((list) => list.leave()));
  assert.equal(heard.length, 6);
  for (const at of [0, 1, 2]) {
    const payloads = heard.filter(([i]) => i === at).map(([, { payload }]) => payload.toString());
    assert.deepEqual(payloads.sort(), ['v1', 'v2']);
  }
});

test('events that are too long, or have no name, or come too soon are refused', async () => {
  await using cluster = new Cluster();
  const guest = serf();
  assert.throws(() => guest.sendEvent('e'), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
  await create(cluster, 'a', guest);
  assert.throws(() => guest.sendEvent(''), { code: 'ERR_MEMBERLIST_CONFIG' });
  assert.throws(() => guest.sendEvent('e', Buffer.alloc(512)), /the event has 513.*512/);
  // As Serf: what is sent has the same bound, with some 30 bytes of its own.
  const tooLong = { code: 'ERR_MEMBERLIST_MESSAGE_TOO_LARGE' };
  assert.throws(() => guest.sendEvent('e', Buffer.alloc(490)), tooLong);
  guest.sendEvent('e', Buffer.alloc(470));
  const small = serf();
  await create(cluster, 'b', small, { udpBufferSize: 512, label: 'x'.repeat(50) });
  assert.throws(() => small.sendEvent('e', Buffer.alloc(470)), tooLong, 'it fits no packet');
  small.sendEvent('e', Buffer.alloc(400));
});

test('one guest is for one Memberlist; the second is shut down', async () => {
  await using cluster = new Cluster();
  const guest = serf();
  await create(cluster, 'a', guest);
  await assert.rejects(create(cluster, 'b', guest), { code: 'ERR_MEMBERLIST_CONFIG' });
});

test('tags can be changed, and tags that are none are refused at once', async () => {
  await using cluster = new Cluster();
  const guest = serf({ tags: { v: '1' } });
  const a = await create(cluster, 'a', guest);
  const b = await create(cluster, 'b', serf());
  await b.join([addressOf(a).addr]);
  await guest.setTags({ v: '2' });
  await until(b, () => b.member('a')?.meta.includes('2') === true);
  await assert.rejects(guest.setTags({ v: 'x'.repeat(600) }), /512/);
  assert.deepEqual(guest.tags, { v: '2' });
  assert.throws(() => serf({ tags: { v: 1 as never } }), /texts/);
});

test('a listener that throws or rejects stops nothing, and is logged', async () => {
  await using cluster = new Cluster();
  const log = new Log();
  const guest = serf();
  const heard: string[] = [];
  guest.on('event', () => {
    throw new Error('not now');
  });
  const rejecting = (): unknown => Promise.reject(new Error('nor then'));
  guest.on('event', rejecting);
  guest.on('event', ({ name }) => heard.push(name));
  const a = await create(cluster, 'a', guest, { logger: log });
  guest.sendEvent('e');
  assert.deepEqual(heard, ['e']);
  // The rejection is reported in a microtask.
  await new Promise(setImmediate);
  await a.shutdown();
  const told = log.of('extension-threw').map(({ fields }) => 1 + Number(fields.suppressed ?? 0));
  assert.equal(
    told.reduce((sum, each) => sum + each, 0),
    2,
  );
});

test('somebody says that we leave: we say that we do not, later than that', async () => {
  await using cluster = new Cluster();
  const guest = serf();
  const a = await create(cluster, 'a', guest);
  const b = await cluster.node('b', { use: [serf()] });
  await b.join([addressOf(a).addr]);
  const words: number[] = [];
  b.on('message', (payload) => {
    if (payload[0] === 1) words.push(decodeIntent('join', payload).ltime);
  });
  await b.sendBestEffort(a.localNode, encodeIntent({ kind: 'leave', ltime: 100, node: 'a' }));
  await until(b, () => words.some((ltime) => ltime > 100));
});

test('a leave is preceded by the word, and waits until it was gossiped', async () => {
  await using cluster = new Cluster();
  const a = await create(cluster, 'a', serf());
  const b = await create(cluster, 'b', serf());
  await b.join([addressOf(a).addr]);
  const order: string[] = [];
  b.on('message', (payload) => payload[0] === 0 && order.push('word'));
  b.on('leave', (_node, reason) => order.push(reason));
  await a.leave();
  await until(b, () => order.includes('left'));
  assert.equal(order[0], 'word');
  const state = decodeState(delegateOf(b).localState?.(false) as Buffer);
  assert.deepEqual(state.leftMembers, ['a']);
});

test('a leave is told one by one, too: whom the gossip does not reach knows of it all the same', async () => {
  await using cluster = new Cluster();
  const quiet = { gossipInterval: 3_600_000, probeInterval: 3_600_000 };
  const a = await create(cluster, 'a', serf(), quiet);
  const others = [];
  for (const name of ['b', 'c']) others.push(await create(cluster, name, serf(), quiet));
  for (const other of others) await a.join([addressOf(other).addr]);
  const heard = new Set<string>();
  for (const other of others) {
    other.on('message', (payload) => payload[0] === 0 && heard.add(other.localNode.name));
  }
  const leaving = a.leave({ timeout: 20 }).catch(() => undefined);
  await until(others, () => heard.size === 2);
  await leaving;
});

test('alone, with nobody to hear it, a leave does not wait', async () => {
  await using cluster = new Cluster();
  const a = await create(cluster, 'a', serf());
  await a.leave({ timeout: 1_000 });
  assert.equal(a.localNode.state, 'left');
});

/** What agents hear of us in a push/pull. */
const stateOf = (list: Memberlist) => decodeState(delegateOf(list).localState?.(false) as Buffer);

test('events that nobody is there to hear do not pile up', async () => {
  await using cluster = new Cluster();
  const guest = serf();
  const a = await create(cluster, 'a', guest);
  const heapBefore = process.memoryUsage();
  for (let i = 0; i < 150_000; i++) guest.sendEvent(`e${i}`, Buffer.alloc(100));
  const heap = process.memoryUsage();
  const grewBy = heap.heapUsed + heap.external - heapBefore.heapUsed - heapBefore.external;
  assert.ok(grewBy < 200 * 2 ** 20, `${Math.round(grewBy / 2 ** 20)} MiB, with garbage`);
  assert.ok(stateOf(a).events.length <= 513);
  let queued = 0;
  for (;;) {
    const messages = delegateOf(a).getBroadcasts?.(3, 60_000) ?? [];
    queued += messages.length;
    if (messages.length === 0) break;
  }
  // Each of them as often as it is sent.
  assert.ok(queued > 0 && queued <= 4 * 4096 * 2, `${queued}`);
});

test('a query response is relayed, and nothing else is; so many a second', async () => {
  await using cluster = new Cluster();
  const a = await create(cluster, 'a', serf());
  const b = await cluster.node('b', { ...fast });
  const { address: addr, port } = b.localNode;
  const relayed = (payload: number[], more: object = { DestName: 'b' }): Buffer => {
    const ip = ipToBytes(splitHostPort(addr)?.host ?? '') as Buffer;
    const header = pack({ DestAddr: { IP: ip, Port: port, Zone: '' }, ...more });
    return Buffer.concat([Buffer.of(9), header, Buffer.from(payload)]);
  };
  const heard: number[][] = [];
  b.on('message', (payload) => heard.push([...payload]));
  const take = (message: Buffer): void => delegateOf(a).notifyMsg?.(message, { addr: '' });
  take(relayed([3, 1, 2]));
  take(relayed([5, ...Array.from({ length: 1_100 }, () => 0)]));
  take(relayed([5, 1, 2]));
  take(relayed([5, 3], {}));
  await until(b, () => heard.length === 2);
  assert.deepEqual(heard, [
    [5, 1, 2],
    [5, 3],
  ]);
  for (let i = 0; i < 1_000; i++) take(relayed([5, i & 0xff]));
  await until(b, () => heard.length >= serfLimits.relaysPerSecond - 1);
  await a.leave();
  assert.ok(heard.length <= 2 * serfLimits.relaysPerSecond, 'two windows at most');
});

test('rubbish in messages and states is counted and logged at debug, and hurts nobody', async () => {
  await using cluster = new Cluster();
  const log = new Log();
  const a = await create(cluster, 'a', serf(), { logger: log });
  const b = await cluster.node('b', {
    ...fast,
    delegateProtocolMin: 2,
    delegateProtocolMax: 5,
    delegateProtocolVersion: 4,
    delegate: { localState: () => Buffer.of(2, 0x81, 0xa1) },
  });
  await b.join([addressOf(a).addr]);
  for (const bytes of ['', '00', '0301', '0392', '04c1', '02', '63', '01dfffffffff', '0981a0c0']) {
    await b.sendReliable(a.localNode, Buffer.from(bytes, 'hex'));
  }
  await until(a, () => log.of('packet-dropped').length > 0);
  for (const line of log.of('packet-dropped')) assert.equal(line.level, 'debug');
  assert.deepEqual(log.of('extension-threw'), []);
  assert.equal(a.numMembers, 2);
});
