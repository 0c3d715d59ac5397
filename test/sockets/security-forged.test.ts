/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An attacker without the key sends modified captures over real sockets: forged packets and streams change
// nothing, and are counted. PACKETS, STREAMS and FORGE_SEED change the amount.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Keyring, type MemberlistConfig } from '../../src/index.js';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { encodePushPull, encodeUserMessage } from '../../src/wire/stream-codec.js';
import { until } from '../unit/memberlist/cluster.js';
import { freePort, readable } from './capture.js';
import { eventually, TestNode, streamTo } from './security-cluster.js';
import { Forger, Sender, type Knowledge } from './security-forger.js';

const packetCount = Number(process.env.PACKETS ?? 100_000);
const streamCount = Number(process.env.STREAMS ?? 400);
const seed = process.env.FORGE_SEED ?? 'forged';
const names = ['the-target', 'the-peer'] as const;
const host = '127.0.6.1';
const burst = 64;
const forgedReasons = ['undecryptable', 'bad-label', 'truncated', 'too-large', 'empty'];

/** Two nodes that exchanged messages, and the captured traffic. */
class Pair implements AsyncDisposable {
  readonly target: TestNode;
  readonly peer: TestNode;
  readonly capturedPackets: Buffer[] = [];
  readonly capturedStreams: Buffer[] = [];

  private constructor(port: number) {
    this.target = new TestNode(names[0], host, port);
    this.peer = new TestNode(names[1], '127.0.6.2', port);
  }

  static async start(config: MemberlistConfig): Promise<Pair> {
    // Protocol 1 transmits no ports: both nodes have the same.
    const pair = new Pair(await freePort(host));
    try {
      await pair.#start(config);
      return pair;
    } catch (error) {
      await pair[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(config: MemberlistConfig): Promise<void> {
    const { target, peer } = this;
    const slow = { ...config, probeInterval: 1_000, probeTimeout: 800, pushPullInterval: 0 };
    await target.start(slow);
    await peer.start(slow);
    await peer.list.join([target.list.localNode.address]);
    await until([target.list, peer.list], () => target.list.numMembers === 2);
    for (const [from, to] of [
      [target, peer],
      [peer, target],
    ] as const) {
      await from.list.updateNode();
      await from.list.ping(to.name, to.list.localNode.address);
      for (const text of ['hello', 'hello, a longer message', 'x\x01']) {
        await from.list.sendBestEffort(to.list.localNode, Buffer.from(text));
        await from.list.sendReliable(to.list.localNode, Buffer.from(`${text} by stream`));
        await until(to.list, () => to.received.has(text) && to.received.has(`${text} by stream`));
      }
    }
    await until([target.list, peer.list], () => target.pinged.size > 0 && peer.pinged.size > 0);
    for (const { capture } of [target, peer]) {
      this.capturedPackets.push(...capture.packets.map(({ bytes }) => bytes));
      const requests = capture.streams.filter(({ outbound }) => outbound);
      this.capturedStreams.push(...requests.map(({ chunks }) => Buffer.concat(chunks)));
    }
  }

  /** All state that a forgery could change. */
  state(): unknown {
    return [this.target, this.peer].map((node) => ({
      view: node.view(),
      events: [...node.events],
      received: [...node.received],
      merged: [...node.merged],
    }));
  }

  /** The number of received messages and states. */
  receivedCounts(): number[] {
    return [this.target, this.peer].map((node) => node.receivedCount);
  }

  async forgedDrops(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const reason of forgedReasons) counts[reason] = await this.target.drops(reason);
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.target, this.peer].map((node) => node.stop()));
  }
}

/** Claims that an attacker wants the target to accept. */
const forgedMessages = { packet: forgedPacketMessages(), stream: forgedStreamMessages() };

function forgedPacketMessages(): Buffer[] {
  const incarnation = 1_000_000;
  const where = { addr: Buffer.of(127, 0, 6, 6), port: 7946, meta: Buffer.from('forged') };
  const source = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  return [
    encodeMessage({ type: MessageType.alive, node: 'forged-member', incarnation, ...where, vsn }),
    encodeMessage({ type: MessageType.alive, node: names[1], incarnation, ...where, vsn }),
    ...names.flatMap((node) => [
      encodeMessage({ type: MessageType.suspect, node, from: names[0], incarnation }),
      encodeMessage({ type: MessageType.dead, node, from: node, incarnation }),
    ]),
    encodeMessage({ type: MessageType.ping, seqNo: 1, node: names[0], ...source }),
    Buffer.concat([Buffer.of(MessageType.user), Buffer.from('forged')]),
  ];
}

function forgedStreamMessages(): Buffer[] {
  const where = { addr: Buffer.of(127, 0, 6, 6), port: 7946, meta: null, incarnation: 1_000_000 };
  const record = { ...where, name: 'forged-member', state: 0, vsn: Buffer.of(1, 5, 2, 0, 0, 0) };
  const userState = Buffer.from('forged');
  return [
    encodePushPull({ join: true, records: [record], userState }),
    encodePushPull({ join: false, records: [{ ...record, name: names[1], state: 3 }], userState }),
    encodeUserMessage(Buffer.from('forged')),
  ];
}

/** Sends all packets in bursts, so that no buffer overflows; returns their number. All of them arrive. */
async function sendAll(pair: Pair, sender: Sender, from: string, packets: Iterable<Buffer>) {
  const { capture, list } = pair.target;
  const before = capture.arrived.get(from) ?? 0;
  let sent = 0;
  const allArrived = async (): Promise<void> => {
    const deadline = performance.now() + 5_000;
    while ((capture.arrived.get(from) ?? 0) - before < sent) {
      assert.ok(performance.now() < deadline, 'a packet was lost');
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const { localNode } = list;
  for (const packet of packets) {
    sender.send(packet, localNode);
    sent++;
    if (sent % burst === 0) await allArrived();
  }
  await allArrived();
  return sent;
}

function* many(count: number, make: () => Buffer): Iterable<Buffer> {
  for (let i = 0; i < count; i++) yield make();
}

function difference(after: Record<string, number>, before: Record<string, number>) {
  const grown = Object.entries(after).map(([key, value]) => [key, value - (before[key] ?? 0)]);
  return Object.fromEntries(grown) as Record<string, number>;
}

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

async function attack(
  t: TestContext,
  config: MemberlistConfig & { secretKey: Buffer },
  amount: { packets: number; streams: number },
): Promise<void> {
  await using pair = await Pair.start(config);
  const { secretKey: key, label = '', protocolVersion } = config;
  const wrongKey = Keyring.generate(key.length);
  const version = protocolVersion === 1 ? 0 : 1;
  const known = { label, version, key, wrongKey } as const;
  const forgers = {
    packets: new Forger(
      seed,
      knowledge(known, pair.capturedPackets, forgedMessages.packet),
      'packet',
    ),
    streams: new Forger(
      seed,
      knowledge(known, pair.capturedStreams, forgedMessages.stream),
      'stream',
    ),
  };
  const sender = new Sender();
  const from = await sender.open(host);
  const before = pair.state();
  const receivedBefore = pair.receivedCounts();
  const to = { host, port: pair.target.list.localNode.port };
  const answers: Buffer[] = [];
  try {
    const start = await pair.forgedDrops();
    const sent = await sendAll(
      pair,
      sender,
      from,
      many(amount.packets, () => forgers.packets.forge()),
    );
    const byPacket = difference(await pair.forgedDrops(), start);
    t.diagnostic(`${sent} packets: ${JSON.stringify(byPacket)}`);
    assert.equal(sum(byPacket), sent, 'each packet is counted once');
    assert.deepEqual(sender.answers, [], 'no packet is answered');
    assert.deepEqual(pair.state(), before);

    const between = await pair.forgedDrops();
    for (const stream of many(amount.streams, () => forgers.streams.forge())) {
      answers.push(await streamTo(to, stream));
    }
    await eventually(async () => {
      return sum(difference(await pair.forgedDrops(), between)) === amount.streams;
    });
    const byStream = difference(await pair.forgedDrops(), between);
    t.diagnostic(`${amount.streams} streams: ${JSON.stringify(byStream)}`);
    assert.deepEqual(pair.state(), before);
    assert.deepEqual(pair.receivedCounts(), receivedBefore);

    // The tag does not cover the version byte. What the node accepts repeats earlier messages.
    await sendAll(pair, sender, from, forgers.packets.withSwappedVersions());
    for (const stream of forgers.streams.withSwappedVersions()) {
      answers.push(await streamTo(to, stream));
    }
    assert.deepEqual(pair.state(), before);
    assert.deepEqual(readable([...names, 'hello'], answers), [], 'answers reveal nothing');
    await pair.peer.list.ping(names[0], pair.target.list.localNode.address);
  } finally {
    sender.close();
  }
}

function knowledge(
  known: Omit<Knowledge, 'captured' | 'forgedMessages'>,
  captured: readonly Buffer[],
  forged: readonly Buffer[],
): Knowledge {
  assert.ok(captured.length >= 6, `${captured.length} captured`);
  return { ...known, captured, forgedMessages: forged };
}

const amounts = [
  ['', { secretKey: Keyring.generate(32) }, 10],
  [' and a label', { secretKey: Keyring.generate(16), label: 'prod' }, 1],
  [' and protocol 1', { secretKey: Keyring.generate(24), protocolVersion: 1 }, 10],
] as const;
for (const [what, config, share] of amounts) {
  const amount = { packets: packetCount / share, streams: streamCount / share };
  test(`a cluster with a key${what} accepts none of ${amount.packets} forged packets and ${amount.streams} forged streams`, (t) =>
    attack(t, config, amount));
}
