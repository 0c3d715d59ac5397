/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encryption is turned on in a cluster that runs in plaintext, and off again, by rolling restarts.
// The steps are those of docs/SECURITY.md, and so are their names: E1 to E3 and P1 to P3. Every
// second node leaves before its restart, the others just go and come back.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { Keyring, JoinError, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { Log, rejection, until } from '../unit/memberlist/cluster.js';
import { readable } from './capture.js';
import { eventually, LiveCluster, marker, type Station } from './security-cluster.js';

const secretKey = Keyring.generate();
const plaintext: MemberlistConfig = {};
const lenient: MemberlistConfig = {
  secretKey,
  gossipVerifyIncoming: false,
  gossipVerifyOutgoing: false,
};
const sealing: MemberlistConfig = { ...lenient, gossipVerifyOutgoing: true };
const strict: MemberlistConfig = { secretKey };
const cluster = new LiveCluster('127.0.8');
let restarts = 0;

before(async () => {
  await cluster.start(() => plaintext);
});

after(() => cluster[Symbol.asyncDispose]());

/** Restarts node after node with the configuration; after each all talk to it. */
async function roll(step: string, config: MemberlistConfig): Promise<void> {
  for (const station of cluster.stations) {
    const leaves = restarts++ % 2 === 0;
    await restart(station, config, leaves);
    await cluster.talks(station, `in step ${step}`);
    for (const { events, name } of cluster.others(station)) {
      // One that left is reported to have left, one that was quick is not missed at all.
      const expected = leaves ? [`left ${station.name}`, `join ${station.name}`] : [];
      const noted = events.splice(0).filter((event) => !/^(suspect|recover)/.test(event));
      assert.deepEqual(noted, expected, `${name} on the restart of ${station.name}`);
    }
    station.events.length = 0;
  }
  await cluster.wholeRound();
  for (const { events, name, log } of cluster.stations) {
    assert.deepEqual(events, [], name);
    // A node that is being restarted is not reached; but who is reached is understood.
    const isUnread = (message: string): boolean => /undecryptable|plaintext|key|read/.test(message);
    const unread = log.lines.map(({ message }) => message).filter(isUnread);
    assert.deepEqual(
      unread.filter((message) => !message.includes('ECONN')),
      [],
    );
  }
}

async function restart(station: Station, config: MemberlistConfig, leaves: boolean): Promise<void> {
  if (leaves) {
    await station.list.leave();
    const isKnown = ({ list }: Station): boolean => list.member(station.name)?.state === 'left';
    await until(cluster.lists, () => cluster.others(station).every(isKnown));
  }
  await station.list.shutdown();
  await station.start(config);
  await station.list.join(cluster.others(station).map(({ list }) => list.localNode.address));
  await cluster.allSeeAll();
}

/** Whether what each of them sends can be read by everybody. */
async function areReadable(): Promise<boolean[]> {
  for (const { capture } of cluster.stations) capture.forget();
  for (const station of cluster.stations) await cluster.talks(station, 'for the capture');
  return cluster.stations.map(({ capture }) => readable([marker], capture.sent).length > 0);
}

/** Whether a node takes what comes in plaintext, from whomever. */
async function takesPlaintext(station: Station): Promise<boolean> {
  const { list, heard } = station;
  const before = await station.drops('undecryptable');
  const text = `from a stranger ${heard.size}`;
  const socket = createSocket('udp4');
  const { port, addr } = list.localNode;
  await new Promise((resolve) => socket.send(`\x08${text}`, port, addr, resolve));
  socket.close();
  await eventually(async () => heard.has(text) || (await station.drops('undecryptable')) > before);
  return heard.has(text);
}

const all = cluster.stations;
const each = <T>(value: T): T[] => all.map(() => value);

test('in the plaintext cluster everything can be read, and everybody may speak', async () => {
  assert.deepEqual(await areReadable(), each(true));
  assert.equal(await takesPlaintext(all[0]!), true);
});

test('a node that is encrypted at once is cut off from the plaintext cluster', async () => {
  const hasty = { ...strict, name: 'hasty', bindAddr: '127.0.8.9', bindPort: 0, logger: new Log() };
  await using list = await Memberlist.create(hasty);
  await rejection(list.join([all[0]!.list.localNode.address]), JoinError);
  assert.equal(list.numMembers, 1);
  await cluster.allSeeAll();
});

test('E1: every node is restarted with the key, and neither demands encryption nor encrypts', async () => {
  await roll('E1', lenient);
  assert.deepEqual(await areReadable(), each(true));
});

test('E2: every node is restarted so that it encrypts, and takes plaintext still', async () => {
  await roll('E2', sealing);
  assert.deepEqual(await areReadable(), each(false));
  assert.equal(await takesPlaintext(all[0]!), true);
});

test('E3: every node is restarted so that it takes nothing in plaintext any more', async () => {
  await roll('E3', strict);
  assert.deepEqual(await areReadable(), each(false));
  for (const station of all) assert.equal(await takesPlaintext(station), false);
});

test('after E3 a node without the key cannot get in', async () => {
  const stranger = { name: 'stranger', bindAddr: '127.0.8.9', bindPort: 0, logger: new Log() };
  await using list = await Memberlist.create(stranger);
  await rejection(list.join([all[0]!.list.localNode.address]), JoinError);
  await cluster.allSeeAll();
});

test('P1: every node is restarted so that it takes plaintext again, and encrypts still', async () => {
  await roll('P1', sealing);
  assert.deepEqual(await areReadable(), each(false));
});

test('P2: every node is restarted so that it does not encrypt any more', async () => {
  await roll('P2', lenient);
  assert.deepEqual(await areReadable(), each(true));
});

test('P3: every node is restarted without the key', async () => {
  await roll('P3', plaintext);
  assert.deepEqual(await areReadable(), each(true));
  for (const { list } of all) assert.equal(list.keyring, undefined);
});
