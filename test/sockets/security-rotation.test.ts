/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rotates the key of a live cluster. The steps and their names are those of docs/SECURITY.md: R1, R2, R3.
// Each step is applied to one node after the other, in a random order.
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { after, before, test, type TestContext } from 'node:test';
import { JoinError, Keyring, localConfig, Memberlist } from '../../src/index.js';
import { GossipCipher } from '../../src/security/aes-gcm.js';
import { SeededRandom } from '../../src/testing/seeded-random.js';
import { Label } from '../../src/wire/label.js';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { encodePushPull, encodeUserMessage, wrapForStream } from '../../src/wire/stream-codec.js';
import { Log, rejection, until } from '../unit/memberlist/cluster.js';
import { eventually, LiveCluster, streamTo, Traffic, type TestNode } from './security-cluster.js';

const seed = process.env.ROTATION_SEED ?? String(Date.now());
const random = new SeededRandom(seed);
const oldKey = Keyring.generate(16);
const newKey = Keyring.generate(32);
const cluster = new LiveCluster('127.0.7');
const keyrings = new Map<TestNode, Keyring>();
let traffic: Traffic | undefined;

before(async () => {
  for (const node of cluster.nodes) keyrings.set(node, new Keyring(oldKey));
  await cluster.start((node) => ({ keyring: keyrings.get(node)! }));
  traffic = new Traffic(cluster);
});

after(async () => {
  await traffic?.stop();
  await cluster[Symbol.asyncDispose]();
});

function shuffled<T>(items: readonly T[]): T[] {
  const drawn = items.map((item) => ({ item, rank: random.next() }));
  return drawn.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}

/** One step of the rotation, node after node; checks all connections and the state of the cluster. */
async function step(t: TestContext, name: string, change: (keyring: Keyring) => void) {
  const order = shuffled(cluster.nodes);
  t.diagnostic(`seed ${seed}: ${order.map((node) => node.name).join(' ')}`);
  for (const node of order) {
    change(keyrings.get(node)!);
    await cluster.assertConnected(node, `after ${name} of ${node.name}`);
  }
  await cluster.fullRound();
  const messages = await traffic!.assertNoneLost();
  assert.ok(messages > 20, `only ${messages} messages were exchanged`);
  t.diagnostic(`${messages} messages were exchanged`);
  assertUndisturbed();
}

/** Asserts that all nodes seal their traffic with this key from now on. */
async function assertSealedWith(key: Buffer): Promise<void> {
  for (const { capture } of cluster.nodes) capture.clear();
  await cluster.fullRound();
  const cipher = cipherWith(key);
  for (const { capture } of cluster.nodes) {
    assert.ok(capture.packets.length > 0);
    for (const { bytes } of capture.packets) assert.ok(cipher.open(bytes, Buffer.alloc(0)));
  }
}

function cipherWith(key: Buffer): GossipCipher {
  const rules = { version: 1, verifyIncoming: true, verifyOutgoing: true } as const;
  return new GossipCipher({ keyring: new Keyring(key), ...rules });
}

/** Asserts that no member left, was suspected or changed, and that all traffic was readable. */
function assertUndisturbed(): void {
  for (const { name, events, log, list } of cluster.nodes) {
    assert.deepEqual(events, [], name);
    assert.equal(list.numMembers, 5);
    const problems = ['packet-dropped', 'stream-dropped', 'exchange-failed', 'send-failed'];
    const logged = log.lines.filter(({ fields }) => problems.includes(String(fields.code)));
    // An ack after its deadline is not a problem.
    const lines = logged.filter(({ fields }) => fields.reason !== 'unexpected-ack');
    assert.deepEqual(
      lines.map(({ message }) => message),
      [],
      name,
    );
  }
}

/** Forged claims about the cluster, sealed with a removed key. */
async function sendForgeries(key: Buffer, { list, name }: TestNode, socket: Socket): Promise<void> {
  const label = new Label({ label: '', skipInboundCheck: false });
  const layers = { label, cipher: cipherWith(key), compress: false };
  const { port, addr } = list.localNode;
  const incarnation = 1_000;
  const address = { addr: Buffer.of(127, 0, 7, 9), port: 7946 };
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const forged = { node: 'forged', incarnation, ...address, meta: null, vsn };
  const claim = { node: name, from: 'forged', incarnation };
  const source = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
  const codec = new PacketCodec(layers);
  for (const message of [
    encodeMessage({ type: MessageType.alive, ...forged }),
    encodeMessage({ type: MessageType.suspect, ...claim }),
    encodeMessage({ type: MessageType.dead, ...claim }),
    encodeMessage({ type: MessageType.ping, seqNo: 1, node: name, ...source }),
    Buffer.concat([Buffer.of(MessageType.user), Buffer.from('forged')]),
  ]) {
    const packet = codec.encode([message], { checksum: false });
    await new Promise((resolve) => socket.send(packet, port, addr, resolve));
  }
  const record = { ...address, vsn, incarnation, meta: null, name: 'forged', state: 0 };
  for (const message of [
    encodePushPull({ join: false, records: [record], userState: Buffer.from('forged') }),
    encodeUserMessage(Buffer.from('forged')),
  ]) {
    await streamTo({ host: addr, port }, wrapForStream(message, layers));
  }
}
const forgeriesPerNode = 7;

const undecryptable = (nodes: readonly TestNode[]): Promise<number[]> =>
  Promise.all(nodes.map((node) => node.drops('undecryptable')));

test('R1: every node gets the new key with addKey, and still seals with the old one', async (t) => {
  await step(t, 'R1', (keyring) => keyring.addKey(newKey));
  for (const keyring of keyrings.values()) assert.deepEqual(keyring.keys(), [oldKey, newKey]);
  await assertSealedWith(oldKey);
});

test('R2: every node seals with the new key from useKey on, and still opens the old one', async (t) => {
  await step(t, 'R2', (keyring) => keyring.useKey(newKey));
  for (const keyring of keyrings.values()) assert.deepEqual(keyring.keys(), [newKey, oldKey]);
  await assertSealedWith(newKey);
});

test('R3: every node removes the old key with removeKey', async (t) => {
  await step(t, 'R3', (keyring) => keyring.removeKey(oldKey));
  for (const keyring of keyrings.values()) assert.deepEqual(keyring.keys(), [newKey]);
  await assertSealedWith(newKey);
});

test('after R3 a node with only the old key cannot join', async () => {
  const before = cluster.nodes.map((node) => node.view());
  await using outsider = await Memberlist.create({
    ...localConfig(),
    name: 'outsider',
    bindAddr: '127.0.7.9',
    bindPort: 0,
    secretKey: oldKey,
    logger: new Log(),
  });
  for (const { list } of cluster.nodes) {
    await rejection(outsider.join([list.localNode.address]), JoinError);
  }
  assert.equal(outsider.numMembers, 1);
  assert.deepEqual(
    cluster.nodes.map((node) => node.view()),
    before,
  );
});

test('after R3 traffic that is sealed with the old key changes nothing, and is counted', async () => {
  await traffic!.stop();
  await traffic!.assertNoneLost();
  const view = cluster.nodes.map((node) => node.view());
  const received = cluster.nodes.map((node) => node.received.size);
  const dropsBefore = await undecryptable(cluster.nodes);
  const socket = createSocket('udp4');
  const answers: Buffer[] = [];
  socket.on('message', (answer) => answers.push(answer));
  for (const node of cluster.nodes) await sendForgeries(oldKey, node, socket);
  const expected = dropsBefore.map((count) => count + forgeriesPerNode);
  await eventually(async () => {
    const drops = await undecryptable(cluster.nodes);
    return drops.join() === expected.join();
  });
  await cluster.fullRound();
  for (const { events } of cluster.nodes) assert.deepEqual(events, []);
  assert.deepEqual(
    cluster.nodes.map((node) => node.view()),
    view,
  );
  assert.deepEqual(
    cluster.nodes.map((node) => node.received.size),
    received,
  );
  socket.close();
  assert.deepEqual(answers, [], 'no ping of an outsider is answered');
});

test('nodes without the new key cannot read a node that uses it before R1 is complete', async () => {
  const other = Keyring.generate();
  const [early, ...rest] = cluster.nodes;
  keyrings.get(early!)!.addKey(other);
  keyrings.get(early!)!.useKey(other);
  const isCounted = ({ log }: TestNode): boolean =>
    log.of('packet-dropped').some(({ fields }) => fields.reason === 'undecryptable');
  await until(cluster.lists, () => rest.every(isCounted));
  // The node can switch back at once: all other nodes still open the old key.
  keyrings.get(early!)!.useKey(newKey);
  await cluster.assertConnected(early!, 'after the correction');
});
