/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Enables encryption in a plaintext cluster and disables it again by rolling restarts. The steps and their
// names are those of docs/SECURITY.md: E1 to E3 and P1 to P3. Every second node leaves before its restart,
// the others do not.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { Keyring, JoinError, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { Log, rejection, until } from '../unit/memberlist/cluster.js';
import { readable } from './capture.js';
import { eventually, LiveCluster, marker, type TestNode } from './security-cluster.js';

const secretKey = Keyring.generate();
const plaintext: MemberlistConfig = {};
const optional: MemberlistConfig = {
  secretKey,
  gossipVerifyIncoming: false,
  gossipVerifyOutgoing: false,
};
const sealing: MemberlistConfig = { ...optional, gossipVerifyOutgoing: true };
const strict: MemberlistConfig = { secretKey };
const cluster = new LiveCluster('127.0.8');
let restarts = 0;

before(async () => {
  await cluster.start(() => plaintext);
});

after(() => cluster[Symbol.asyncDispose]());

/** Restarts node after node with the configuration; checks all connections after each. */
async function roll(step: string, config: MemberlistConfig): Promise<void> {
  for (const node of cluster.nodes) {
    const leaves = restarts++ % 2 === 0;
    await restart(node, config, leaves);
    await cluster.assertConnected(node, `in step ${step}`);
    for (const { events, name } of cluster.others(node)) {
      // A node that left is reported as left; one that restarted quickly is not reported.
      const expected = leaves ? [`left ${node.name}`, `join ${node.name}`] : [];
      const reported = events.splice(0).filter((event) => !/^(suspect|refute)/.test(event));
      assert.deepEqual(reported, expected, `${name} on the restart of ${node.name}`);
    }
    node.events.length = 0;
  }
  await cluster.fullRound();
  for (const { events, name, log } of cluster.nodes) {
    assert.deepEqual(events, [], name);
    // Sends to a restarting node fail; but what arrives is readable.
    const isUnreadable = (message: string): boolean =>
      /undecryptable|plaintext|key|read/.test(message);
    const unreadable = log.lines.map(({ message }) => message).filter(isUnreadable);
    assert.deepEqual(
      unreadable.filter((message) => !message.includes('ECONN')),
      [],
    );
  }
}

async function restart(node: TestNode, config: MemberlistConfig, leaves: boolean): Promise<void> {
  if (leaves) {
    await node.list.leave();
    const isKnown = ({ list }: TestNode): boolean => list.member(node.name)?.state === 'left';
    await until(cluster.lists, () => cluster.others(node).every(isKnown));
  }
  await node.list.shutdown();
  await node.start(config);
  await node.list.join(cluster.others(node).map(({ list }) => list.localNode.address));
  await cluster.allSeeAll();
}

/** Whether the traffic of each node is readable. */
async function areReadable(): Promise<boolean[]> {
  for (const { capture } of cluster.nodes) capture.clear();
  for (const node of cluster.nodes) await cluster.assertConnected(node, 'for the capture');
  return cluster.nodes.map(({ capture }) => readable([marker], capture.sent).length > 0);
}

/** Whether a node accepts plaintext from any sender. */
async function acceptsPlaintext(node: TestNode): Promise<boolean> {
  const { list, received } = node;
  const before = await node.drops('undecryptable');
  const text = `from an outsider ${received.size}`;
  const socket = createSocket('udp4');
  const { port, addr } = list.localNode;
  await new Promise((resolve) => socket.send(`\x08${text}`, port, addr, resolve));
  socket.close();
  await eventually(async () => received.has(text) || (await node.drops('undecryptable')) > before);
  return received.has(text);
}

const all = cluster.nodes;
const each = <T>(value: T): T[] => all.map(() => value);

test('in the plaintext cluster all traffic is readable, and a node accepts plaintext from any sender', async () => {
  assert.deepEqual(await areReadable(), each(true));
  assert.equal(await acceptsPlaintext(all[0]!), true);
});

test('a node that encrypts without the steps cannot join the plaintext cluster', async () => {
  const encrypted = {
    ...strict,
    name: 'encrypted',
    bindAddr: '127.0.8.9',
    bindPort: 0,
    logger: new Log(),
  };
  await using list = await Memberlist.create(encrypted);
  await rejection(list.join([all[0]!.list.localNode.address]), JoinError);
  assert.equal(list.numMembers, 1);
  await cluster.allSeeAll();
});

test('E1: every node is restarted with the key, and neither requires encryption nor encrypts', async () => {
  await roll('E1', optional);
  assert.deepEqual(await areReadable(), each(true));
});

test('E2: every node is restarted so that it encrypts, and still accepts plaintext', async () => {
  await roll('E2', sealing);
  assert.deepEqual(await areReadable(), each(false));
  assert.equal(await acceptsPlaintext(all[0]!), true);
});

test('E3: every node is restarted so that it no longer accepts plaintext', async () => {
  await roll('E3', strict);
  assert.deepEqual(await areReadable(), each(false));
  for (const node of all) assert.equal(await acceptsPlaintext(node), false);
});

test('after E3 a node without the key cannot join', async () => {
  const outsider = { name: 'outsider', bindAddr: '127.0.8.9', bindPort: 0, logger: new Log() };
  await using list = await Memberlist.create(outsider);
  await rejection(list.join([all[0]!.list.localNode.address]), JoinError);
  await cluster.allSeeAll();
});

test('P1: every node is restarted so that it accepts plaintext again, and still encrypts', async () => {
  await roll('P1', sealing);
  assert.deepEqual(await areReadable(), each(false));
});

test('P2: every node is restarted so that it no longer encrypts', async () => {
  await roll('P2', optional);
  assert.deepEqual(await areReadable(), each(true));
});

test('P3: every node is restarted without the key', async () => {
  await roll('P3', plaintext);
  assert.deepEqual(await areReadable(), each(true));
  for (const { list } of all) assert.equal(list.keyring, undefined);
});
