/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Garbage and near-garbage, by packet and by stream, against a running node over real sockets: it
// must go on as if nothing had been. PACKETS, STREAMS and FUZZ_SEED change the dose.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Keyring, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { GossipCipher } from '../../src/security/aes-gcm.js';
import { compressContent } from '../../src/wire/compression.js';
import { Label } from '../../src/wire/label.js';
import { decodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { StreamReader, wrapForStream, type StreamLayers } from '../../src/wire/stream-codec.js';
import { WireError } from '../../src/wire/wire-error.js';
import { Attacker, attackByStream, golden, host, Mutator, Tap } from './fuzz-tools.js';

const packetCount = Number(process.env.PACKETS ?? 100_000);
const streamCount = Number(process.env.STREAMS ?? 1_000);
const names: readonly string[] = ['fuzz-target', 'fuzz-peer'];
const heapBound = 20 * 1024 * 1024;
const burstPackets = 50;
const burstBytes = 60_000;
const streamsAtOnce = 16;

/** Whether a claim says of one of our two that it is not alive: that would be believed. */
function wouldBury({ node, type }: { node?: unknown; type?: unknown }): boolean {
  const isGone = type === MessageType.suspect || type === MessageType.dead;
  return isGone && names.includes(node as string);
}

function packetWouldBury(codec: PacketCodec, packet: Buffer): boolean {
  let would = false;
  const look = (buf: Buffer, start: number, end: number): void => {
    if (buf[start] !== MessageType.user)
      would ||= wouldBury(ignoringFaults(() => decodeMessage(buf, start, end)) ?? {});
  };
  ignoringFaults(() => codec.decode(packet, look));
  return would;
}

function streamWouldBury(layers: StreamLayers, stream: Buffer): boolean {
  const reader = new StreamReader(layers, { expectLabel: true });
  const message = ignoringFaults(() => reader.push(stream));
  if (message?.type !== MessageType.pushPull) return false;
  return message.records.some(({ name, state }) => state !== 0 && names.includes(name));
}

function ignoringFaults<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return undefined;
  }
}

async function collectedHeap(): Promise<number> {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    collect();
  }
  return process.memoryUsage().heapUsed;
}

interface Dose {
  readonly packets: number;
  readonly streams: number;
  readonly label?: string;
  readonly key?: Buffer;
}

/** Two nodes that know each other, and what they had to say to each other until then. */
class Cluster implements AsyncDisposable {
  readonly taps = [new Tap(), new Tap()];
  readonly reasons = new Set<string>();
  readonly errors: string[] = [];
  readonly refused = new Set<string>();
  target!: Memberlist;
  peer!: Memberlist;

  static async start({ label = '', key }: Dose): Promise<Cluster> {
    const cluster = new Cluster();
    const config = (i: number): MemberlistConfig => ({
      name: names[i],
      transport: cluster.taps[i],
      label,
      ...(key && { keyring: new Keyring(key) }),
      logger: {
        debug: (_message, fields) => cluster.#noteReason(fields),
        info: () => undefined,
        warn: () => undefined,
        error: (message) => cluster.errors.push(message),
      },
      alive: {
        notifyAlive: ({ name }) => {
          if (names.includes(name)) return;
          cluster.refused.add(name);
          throw new Error('not one of us');
        },
      },
    });
    cluster.target = await Memberlist.create(config(0));
    cluster.peer = await Memberlist.create(config(1));
    const { target, peer } = cluster;
    await peer.join([target.localNode.address]);
    await Promise.all([peer.updateNode(), target.updateNode()]);
    await peer.ping('fuzz-target', target.localNode.address);
    await target.ping('fuzz-peer', peer.localNode.address);
    for (const [from, to] of [
      [peer, target],
      [target, peer],
    ] as const) {
      await from.sendBestEffort(to.localNode, Buffer.from('best effort'));
      await from.sendReliable(to.localNode, Buffer.from('reliable'));
      await from.ping(to.localNode.name, to.localNode.address);
    }
    for (const tap of cluster.taps) tap.recording = false;
    return cluster;
  }

  /** Names and states, as both see them. */
  view(): string {
    const seenBy = (list: Memberlist): string =>
      list
        .members()
        .map(({ name, state }) => `${name} ${state}`)
        .sort()
        .join();
    return `${seenBy(this.target)} / ${seenBy(this.peer)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer.shutdown();
    await this.target.shutdown();
  }

  #noteReason(fields: object | undefined): void {
    if (fields && 'reason' in fields) this.reasons.add(String(fields.reason));
  }
}

/** The layers of the cluster, for us to look through and to wrap mutants in. */
function layersOf({ label = '', key }: Dose): StreamLayers {
  const rules = { version: 1, verifyIncoming: true, verifyOutgoing: true } as const;
  const cipher = key && new GossipCipher({ keyring: new Keyring(key), ...rules });
  return { label: new Label({ label, skipInboundCheck: false }), cipher, compress: false };
}

async function attackByPackets(cluster: Cluster, dose: Dose, layers: StreamLayers): Promise<void> {
  const codec = new PacketCodec(layers);
  const captured = cluster.taps.flatMap(({ packets }) => packets);
  const plain = captured.flatMap((packet) => {
    const messages: Buffer[] = [];
    codec.decode(packet, (buf, start, end) => messages.push(Buffer.from(buf.subarray(start, end))));
    return [packet, ...messages];
  });
  const types = new Set(plain.map((message) => message[0]));
  for (const type of [0, 2, 4, 8]) assert.ok(types.has(type), `no message of type ${type}`);
  const corpus = [...golden('message', 'compound', 'compress', 'encrypt', 'label'), ...plain];
  const mutator = new Mutator('packets', corpus);
  const attacker = new Attacker({ host, port: cluster.target.localNode.port }, codec);
  const attackersAddress = await attacker.open();
  try {
    let burst: Buffer[] = [];
    let bytes = 0;
    for (let made = 0; made < dose.packets;) {
      let packet = mutator.packet();
      // Some are sealed and labelled rightly, for else none would be looked into.
      const isWrapped = (layers.cipher !== undefined || dose.label) && mutator.below(4) > 0;
      if (isWrapped) packet = codec.encode([packet.subarray(0, 60_000)], { checksum: false });
      if (packetWouldBury(codec, packet)) continue;
      made++;
      burst.push(packet);
      bytes += packet.length;
      if (burst.length < burstPackets && bytes < burstBytes && made < dose.packets) continue;
      await attacker.burst(burst);
      burst = [];
      bytes = 0;
    }
    const [tap] = cluster.taps;
    const arrived = tap?.counts.get(attackersAddress) ?? 0;
    assert.ok(arrived > attacker.sent * 0.999, `${arrived} of ${attacker.sent} arrived`);
  } finally {
    attacker.close();
  }
}

async function attackByStreams(cluster: Cluster, dose: Dose, layers: StreamLayers): Promise<void> {
  const captured = cluster.taps.flatMap(({ streams }) =>
    streams.map((each) => Buffer.concat(each)),
  );
  const plain = [
    ...golden('stream', 'compress'),
    ...golden('message').filter((message) => [0, 2, 13].includes(message[0] ?? -1)),
    Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    Buffer.from('0affffffff00', 'hex'),
    Buffer.from('0683a44a6f696ec2a54e6f646573ceffffffffac5573657253746174654c656e00', 'hex'),
  ];
  assert.ok(captured.length >= 2);
  const mutator = new Mutator('streams', [...captured, ...plain]);
  const { port } = cluster.target.localNode;
  let made = 0;
  const attack = async (): Promise<void> => {
    while (made < dose.streams) {
      let stream = mutator.mutant();
      if (mutator.below(4) === 0) stream = compressContent(stream);
      if (mutator.below(2) === 0) {
        stream = Buffer.concat([layers.label.header, wrapForStream(stream, layers)]);
      }
      if (streamWouldBury(layers, stream)) continue;
      made++;
      const cut = mutator.below(stream.length + 1);
      await attackByStream(port, [stream.subarray(0, cut), stream.subarray(cut)], made % 4 === 0);
    }
  };
  await Promise.all(Array.from({ length: streamsAtOnce }, attack));
}

for (const [what, dose, expected] of [
  [
    'a node',
    { packets: packetCount, streams: streamCount },
    [
      'too-large',
      'bad-compression',
      'bad-label',
      'unexpected-ack',
      'unexpected-message',
      'bad-address',
    ],
  ],
  [
    'a node with encryption and a label',
    {
      packets: packetCount / 10,
      streams: streamCount / 5,
      label: 'prod',
      key: Buffer.alloc(32, 0x20),
    },
    ['bad-label', 'undecryptable'],
  ],
] as const) {
  test(`${what} withstands ${dose.packets} bad packets and ${dose.streams} bad streams`, async () => {
    const failures: unknown[] = [];
    const note = (failure: unknown): void => void failures.push(failure);
    process.on('uncaughtExceptionMonitor', note);
    process.on('unhandledRejection', note);
    try {
      await using cluster = await Cluster.start(dose);
      const { target, peer } = cluster;
      const layers = layersOf(dose);
      const before = cluster.view();
      assert.equal(before, [1, 2].map(() => 'fuzz-peer alive,fuzz-target alive').join(' / '));

      // What is needed to send and receive at all is not counted as grown.
      await attackByPackets(cluster, { ...dose, packets: 2_000 }, layers);
      await attackByStreams(cluster, { ...dose, streams: 50 }, layers);
      const heapBefore = await collectedHeap();
      await attackByPackets(cluster, dose, layers);
      await attackByStreams(cluster, dose, layers);

      assert.ok((await peer.ping('fuzz-target', target.localNode.address)) >= 0);
      assert.ok((await target.ping('fuzz-peer', peer.localNode.address)) >= 0);
      const grown = (await collectedHeap()) - heapBefore;
      assert.ok(grown < heapBound, `the heap grew by ${grown} bytes`);
      assert.equal(cluster.view(), before);
      assert.deepEqual(cluster.errors, []);
      // The bad bytes came as far as they could.
      for (const reason of [
        ...['empty', 'truncated', 'malformed', 'too-deep', 'unknown-type', 'bad-checksum'],
        ...['misaddressed', ...expected],
      ]) {
        assert.ok(cluster.reasons.has(reason), `no ${reason} among ${[...cluster.reasons].join()}`);
      }
      assert.ok(cluster.refused.size > 0);
    } finally {
      process.off('uncaughtExceptionMonitor', note);
      process.off('unhandledRejection', note);
    }
    assert.deepEqual(failures, []);
  });
}
