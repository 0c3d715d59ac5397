/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rotating the key of a cluster that is in use. The steps are those of docs/SECURITY.md, and so are
// their names: R1, R2, R3. Each is taken by one node after the other, in an order that is drawn.
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
import { eventually, LiveCluster, streamTo, Traffic, type Station } from './security-cluster.js';

const seed = process.env.ROTATION_SEED ?? String(Date.now());
const random = new SeededRandom(seed);
const oldKey = Keyring.generate(16);
const newKey = Keyring.generate(32);
const cluster = new LiveCluster('127.0.7');
const keyrings = new Map<Station, Keyring>();
let traffic: Traffic | undefined;

before(async () => {
  for (const station of cluster.stations) keyrings.set(station, new Keyring(oldKey));
  await cluster.start((station) => ({ keyring: keyrings.get(station)! }));
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

/** One step of the rotation, node after node; after each all talk to it, and all is as it was. */
async function step(t: TestContext, name: string, change: (keyring: Keyring) => void) {
  const order = shuffled(cluster.stations);
  t.diagnostic(`seed ${seed}: ${order.map((station) => station.name).join(' ')}`);
  for (const station of order) {
    change(keyrings.get(station)!);
    await cluster.talks(station, `after ${name} of ${station.name}`);
  }
  await cluster.wholeRound();
  const messages = await traffic!.assertNoneLost();
  assert.ok(messages > 20, `only ${messages} messages went round`);
  t.diagnostic(`${messages} messages went round`);
  assertUndisturbed();
}

/** What all nodes send from now on is sealed with this key. */
async function assertSealedWith(key: Buffer): Promise<void> {
  for (const { capture } of cluster.stations) capture.forget();
  await cluster.wholeRound();
  const cipher = cipherWith(key);
  for (const { capture } of cluster.stations) {
    assert.ok(capture.packets.length > 0);
    for (const { bytes } of capture.packets) assert.ok(cipher.open(bytes, Buffer.alloc(0)));
  }
}

function cipherWith(key: Buffer): GossipCipher {
  const rules = { version: 1, verifyIncoming: true, verifyOutgoing: true } as const;
  return new GossipCipher({ keyring: new Keyring(key), ...rules });
}

/** Nobody left, was suspected or changed, and nothing that came was unreadable. */
function assertUndisturbed(): void {
  for (const { name, events, log, list } of cluster.stations) {
    assert.deepEqual(events, [], name);
    assert.equal(list.numMembers, 5);
    const troubles = ['packet-dropped', 'stream-dropped', 'exchange-failed', 'send-failed'];
    const noted = log.lines.filter(({ fields }) => troubles.includes(String(fields.code)));
    // An ack that comes after its deadline is nobody's trouble.
    const lines = noted.filter(({ fields }) => fields.reason !== 'unexpected-ack');
    assert.deepEqual(
      lines.map(({ message }) => message),
      [],
      name,
    );
  }
}

/** Lies about the cluster, sealed with a key that somebody kept. */
async function tellLies(key: Buffer, { list, name }: Station, socket: Socket): Promise<void> {
  const label = new Label({ label: '', skipInboundCheck: false });
  const layers = { label, cipher: cipherWith(key), compress: false };
  const { port, addr } = list.localNode;
  const incarnation = 1_000;
  const address = { addr: Buffer.of(127, 0, 7, 9), port: 7946 };
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const liar = { node: 'liar', incarnation, ...address, meta: null, vsn };
  const accusation = { node: name, from: 'liar', incarnation };
  const source = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
  const codec = new PacketCodec(layers);
  for (const message of [
    encodeMessage({ type: MessageType.alive, ...liar }),
    encodeMessage({ type: MessageType.suspect, ...accusation }),
    encodeMessage({ type: MessageType.dead, ...accusation }),
    encodeMessage({ type: MessageType.ping, seqNo: 1, node: name, ...source }),
    Buffer.concat([Buffer.of(MessageType.user), Buffer.from('a lie')]),
  ]) {
    const packet = codec.encode([message], { checksum: false });
    await new Promise((resolve) => socket.send(packet, port, addr, resolve));
  }
  const record = { ...address, vsn, incarnation, meta: null, name: 'liar', state: 0 };
  for (const message of [
    encodePushPull({ join: false, records: [record], userState: Buffer.from('a lie') }),
    encodeUserMessage(Buffer.from('a lie')),
  ]) {
    await streamTo({ host: addr, port }, wrapForStream(message, layers));
  }
}
const liesOfEach = 7;

const undecryptable = (stations: readonly Station[]): Promise<number[]> =>
  Promise.all(stations.map((station) => station.drops('undecryptable')));

test('R1: every node is given the new key with addKey, and goes on sealing with the old one', async (t) => {
  await step(t, 'R1', (keyring) => keyring.addKey(newKey));
  for (const keyring of keyrings.values()) assert.deepEqual(keyring.keys(), [oldKey, newKey]);
  await assertSealedWith(oldKey);
});

test('R2: every node seals with the new key from useKey on, and still opens the old one', async (t) => {
  await step(t, 'R2', (keyring) => keyring.useKey(newKey));
  for (const keyring of keyrings.values()) assert.deepEqual(keyring.keys(), [newKey, oldKey]);
  await assertSealedWith(newKey);
});

test('R3: every node forgets the old key with removeKey', async (t) => {
  await step(t, 'R3', (keyring) => keyring.removeKey(oldKey));
  for (const keyring of keyrings.values()) assert.deepEqual(keyring.keys(), [newKey]);
  await assertSealedWith(newKey);
});

test('after R3 a node with the old key alone cannot get in', async () => {
  const before = cluster.stations.map((station) => station.view());
  await using stranger = await Memberlist.create({
    ...localConfig(),
    name: 'stranger',
    bindAddr: '127.0.7.9',
    bindPort: 0,
    secretKey: oldKey,
    logger: new Log(),
  });
  for (const { list } of cluster.stations) {
    await rejection(stranger.join([list.localNode.address]), JoinError);
  }
  assert.equal(stranger.numMembers, 1);
  assert.deepEqual(
    cluster.stations.map((station) => station.view()),
    before,
  );
});

test('after R3 what was sealed with the old key changes nothing, and is counted', async () => {
  await traffic!.stop();
  await traffic!.assertNoneLost();
  const view = cluster.stations.map((station) => station.view());
  const heard = cluster.stations.map((station) => station.heard.size);
  const dropsBefore = await undecryptable(cluster.stations);
  const socket = createSocket('udp4');
  const answers: Buffer[] = [];
  socket.on('message', (answer) => answers.push(answer));
  for (const station of cluster.stations) await tellLies(oldKey, station, socket);
  const expected = dropsBefore.map((count) => count + liesOfEach);
  await eventually(async () => {
    const drops = await undecryptable(cluster.stations);
    return drops.join() === expected.join();
  });
  await cluster.wholeRound();
  for (const { events } of cluster.stations) assert.deepEqual(events, []);
  assert.deepEqual(
    cluster.stations.map((station) => station.view()),
    view,
  );
  assert.deepEqual(
    cluster.stations.map((station) => station.heard.size),
    heard,
  );
  socket.close();
  assert.deepEqual(answers, [], 'no ping of a stranger is answered');
});

test('a node that uses the new key before R1 is done is not understood by those who lack it', async () => {
  const other = Keyring.generate();
  const [hasty, ...rest] = cluster.stations;
  keyrings.get(hasty!)!.addKey(other);
  keyrings.get(hasty!)!.useKey(other);
  const isNoticed = ({ log }: Station): boolean =>
    log.of('packet-dropped').some(({ fields }) => fields.reason === 'undecryptable');
  await until(cluster.lists, () => rest.every(isNoticed));
  // The way back is as short: everybody else opens the old one still.
  keyrings.get(hasty!)!.useKey(newKey);
  await cluster.talks(hasty!, 'after the mistake was mended');
});
