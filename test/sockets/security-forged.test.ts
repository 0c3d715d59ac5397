/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Somebody without the key sends what he made out of what he heard, over real sockets: forged packets
// and streams change nothing, and are counted. PACKETS, STREAMS and FORGE_SEED change the dose.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Keyring, type MemberlistConfig } from '../../src/index.js';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { encodePushPull, encodeUserMessage } from '../../src/wire/stream-codec.js';
import { until } from '../unit/memberlist/cluster.js';
import { freePort, readable } from './capture.js';
import { eventually, Station, streamTo } from './security-cluster.js';
import { Forger, Sender, type Knowledge } from './security-forger.js';

const packetCount = Number(process.env.PACKETS ?? 100_000);
const streamCount = Number(process.env.STREAMS ?? 400);
const seed = process.env.FORGE_SEED ?? 'forged';
const names = ['the-target', 'the-peer'] as const;
const host = '127.0.6.1';
const burst = 64;
const forgedReasons = ['undecryptable', 'bad-label', 'truncated', 'too-large', 'empty'];

/** Two nodes that talked to each other, and what was heard of it. */
class Pair implements AsyncDisposable {
  readonly target: Station;
  readonly peer: Station;
  readonly heardPackets: Buffer[] = [];
  readonly heardStreams: Buffer[] = [];

  private constructor(port: number) {
    this.target = new Station(names[0], host, port);
    this.peer = new Station(names[1], '127.0.6.2', port);
  }

  static async start(config: MemberlistConfig): Promise<Pair> {
    // Protocol 1 tells no ports: both have the same.
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
      for (const text of ['hello', 'hello, and this one is a little longer', 'x\x01']) {
        await from.list.sendBestEffort(to.list.localNode, Buffer.from(text));
        await from.list.sendReliable(to.list.localNode, Buffer.from(`${text} by stream`));
        await until(to.list, () => to.heard.has(text) && to.heard.has(`${text} by stream`));
      }
    }
    await until([target.list, peer.list], () => target.pinged.size > 0 && peer.pinged.size > 0);
    for (const { capture } of [target, peer]) {
      this.heardPackets.push(...capture.packets.map(({ bytes }) => bytes));
      const requests = capture.streams.filter(({ dialled }) => dialled);
      this.heardStreams.push(...requests.map(({ chunks }) => Buffer.concat(chunks)));
    }
  }

  /** All that could have changed. */
  state(): unknown {
    return [this.target, this.peer].map((station) => ({
      view: station.view(),
      events: [...station.events],
      heard: [...station.heard],
      merged: [...station.merged],
    }));
  }

  /** How many messages and states were taken. */
  taken(): number[] {
    return [this.target, this.peer].map((station) => station.taken);
  }

  async forgedDrops(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const reason of forgedReasons) counts[reason] = await this.target.drops(reason);
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.target, this.peer].map((station) => station.stop()));
  }
}

/** What a liar would like the target to believe. */
const lies = { packet: packetLies(), stream: streamLies() };

function packetLies(): Buffer[] {
  const incarnation = 1_000_000;
  const where = { addr: Buffer.of(127, 0, 6, 6), port: 7946, meta: Buffer.from('a lie') };
  const source = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  return [
    encodeMessage({ type: MessageType.alive, node: 'a-liar', incarnation, ...where, vsn }),
    encodeMessage({ type: MessageType.alive, node: names[1], incarnation, ...where, vsn }),
    ...names.flatMap((node) => [
      encodeMessage({ type: MessageType.suspect, node, from: names[0], incarnation }),
      encodeMessage({ type: MessageType.dead, node, from: node, incarnation }),
    ]),
    encodeMessage({ type: MessageType.ping, seqNo: 1, node: names[0], ...source }),
    Buffer.concat([Buffer.of(MessageType.user), Buffer.from('a lie')]),
  ];
}

function streamLies(): Buffer[] {
  const where = { addr: Buffer.of(127, 0, 6, 6), port: 7946, meta: null, incarnation: 1_000_000 };
  const record = { ...where, name: 'a-liar', state: 0, vsn: Buffer.of(1, 5, 2, 0, 0, 0) };
  const userState = Buffer.from('a lie');
  return [
    encodePushPull({ join: true, records: [record], userState }),
    encodePushPull({ join: false, records: [{ ...record, name: names[1], state: 3 }], userState }),
    encodeUserMessage(Buffer.from('a lie')),
  ];
}

/** Sends all, burst by burst, so that no buffer overflows; gives how many. All of them arrive. */
async function sendAll(pair: Pair, sender: Sender, from: string, packets: Iterable<Buffer>) {
  const { capture, list } = pair.target;
  const before = capture.arrived.get(from) ?? 0;
  let sent = 0;
  const allArrived = async (): Promise<void> => {
    const deadline = performance.now() + 5_000;
    while ((capture.arrived.get(from) ?? 0) - before < sent) {
      assert.ok(performance.now() < deadline, 'a packet was lost on the way');
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
  dose: { packets: number; streams: number },
): Promise<void> {
  await using pair = await Pair.start(config);
  const { secretKey: key, label = '', protocolVersion } = config;
  const wrongKey = Keyring.generate(key.length);
  const version = protocolVersion === 1 ? 0 : 1;
  const known = { label, version, key, wrongKey } as const;
  const forgers = {
    packets: new Forger(seed, knowledge(known, pair.heardPackets, lies.packet), 'packet'),
    streams: new Forger(seed, knowledge(known, pair.heardStreams, lies.stream), 'stream'),
  };
  const sender = new Sender();
  const from = await sender.open(host);
  const before = pair.state();
  const takenBefore = pair.taken();
  const to = { host, port: pair.target.list.localNode.port };
  const answers: Buffer[] = [];
  try {
    const start = await pair.forgedDrops();
    const sent = await sendAll(
      pair,
      sender,
      from,
      many(dose.packets, () => forgers.packets.forge()),
    );
    const byPacket = difference(await pair.forgedDrops(), start);
    t.diagnostic(`${sent} packets: ${JSON.stringify(byPacket)}`);
    assert.equal(sum(byPacket), sent, 'each is counted once');
    assert.deepEqual(sender.answers, [], 'none is answered');
    assert.deepEqual(pair.state(), before);

    const between = await pair.forgedDrops();
    for (const stream of many(dose.streams, () => forgers.streams.forge())) {
      answers.push(await streamTo(to, stream));
    }
    await eventually(async () => {
      return sum(difference(await pair.forgedDrops(), between)) === dose.streams;
    });
    const byStream = difference(await pair.forgedDrops(), between);
    t.diagnostic(`${dose.streams} streams: ${JSON.stringify(byStream)}`);
    assert.deepEqual(pair.state(), before);
    assert.deepEqual(pair.taken(), takenBefore);

    // The version byte is what the tag does not cover. What is taken is what was said before.
    await sendAll(pair, sender, from, forgers.packets.withSwappedVersions());
    for (const stream of forgers.streams.withSwappedVersions()) {
      answers.push(await streamTo(to, stream));
    }
    assert.deepEqual(pair.state(), before);
    assert.deepEqual(readable([...names, 'hello'], answers), [], 'answers tell a stranger nothing');
    await pair.peer.list.ping(names[0], pair.target.list.localNode.address);
  } finally {
    sender.close();
  }
}

function knowledge(
  known: Omit<Knowledge, 'captured' | 'lies'>,
  captured: readonly Buffer[],
  madeUp: readonly Buffer[],
): Knowledge {
  assert.ok(captured.length >= 6, `${captured.length} captured`);
  return { ...known, captured, lies: madeUp };
}

const doses = [
  ['', { secretKey: Keyring.generate(32) }, 10],
  [' and a label', { secretKey: Keyring.generate(16), label: 'prod' }, 1],
  [' and protocol 1', { secretKey: Keyring.generate(24), protocolVersion: 1 }, 10],
] as const;
for (const [what, config, share] of doses) {
  const dose = { packets: packetCount / share, streams: streamCount / share };
  test(`a cluster with a key${what} takes none of ${dose.packets} forged packets and ${dose.streams} forged streams`, (t) =>
    attack(t, config, dose));
}
