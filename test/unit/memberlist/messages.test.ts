/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  type Address,
  ConfigError,
  type Memberlist,
  type MemberlistConfig,
  MessageTooLargeError,
  NodeNameRequiredError,
  ProtocolError,
  TransmitLimitedQueue,
} from '../../../src/index.js';
import {
  Cluster,
  Log,
  addressOf,
  altered,
  fast,
  meet,
  mute,
  names,
  rejection,
  until,
} from './cluster.js';

const MiB = 2 ** 20;

interface Received {
  readonly payload: Buffer;
  readonly from: Address;
}

function received(list: Memberlist): Received[] {
  const messages: Received[] = [];
  list.on('message', (payload, from) => messages.push({ payload, from }));
  return messages;
}

void describe('Memberlist.sendBestEffort', () => {
  const kinds: [kind: string, config: MemberlistConfig][] = [
    ['by default', {}],
    ['with a label', { label: 'l'.repeat(255) }],
    ['with encryption', { secretKey: Buffer.alloc(32, 7) }],
    ['with encryption of protocol 1', { secretKey: Buffer.alloc(16, 7), protocolVersion: 1 }],
    ['with small packets', { udpBufferSize: 512 }],
    ['with large packets', { udpBufferSize: 65_507 }],
    ['without compression', { enableCompression: false }],
    ['with the newest protocol', { protocolVersion: 5 }],
  ];
  for (const [kind, config] of kinds) {
    void it(`delivers what is not over the limit that its error names, ${kind}`, async () => {
      await using cluster = new Cluster();
      const sent: number[] = [];
      const inner = cluster.network.transport('a');
      const transport = altered(inner, {
        writeTo: (packet, to) => {
          sent.push(packet.length);
          return inner.writeTo(packet, to);
        },
      });
      const a = await cluster.node('a', { ...mute, ...config, transport });
      const b = await cluster.node('b', { ...mute, ...config });
      await meet([a, b]);
      const to = b.localNode;
      const tooLarge = randomBytes(70_000);
      const error = await rejection(a.sendBestEffort(to, tooLarge), MessageTooLargeError);
      assert.equal(error.size, 70_000);
      const { limit } = error;
      const { udpBufferSize } = a.config;
      assert.ok(limit < udpBufferSize && limit >= udpBufferSize - 320, `${limit}`);

      const messages = received(b);
      const sizes = [1, 2, 100, Math.floor(limit / 2), limit - 1, limit];
      const payloads = sizes.map((size) => randomBytes(size));
      for (const payload of payloads) await a.sendBestEffort(to, payload);
      await until(b, () => messages.length === sizes.length);
      assert.deepEqual(
        messages.map(({ payload }) => payload),
        payloads,
      );
      assert.ok(Math.max(...sent) <= udpBufferSize);

      const over = a.sendBestEffort(to, randomBytes(limit + 1));
      const slightly = await rejection(over, MessageTooLargeError);
      assert.equal(slightly.code, 'ERR_MEMBERLIST_MESSAGE_TOO_LARGE');
      assert.equal(slightly.size, limit + 1);
      assert.equal(slightly.limit, limit);
    });
  }

  void it('names the sender, as event and to the delegate', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const told: Received[] = [];
    const notifyMsg = (payload: Buffer, from: Address): void => void told.push({ payload, from });
    const b = await cluster.node('b', { delegate: { notifyMsg } });
    await meet([a, b]);
    const messages = received(b);
    await a.sendBestEffort(b.localNode, Buffer.from('hello'));
    await until(b, () => messages.length === 1);
    const from = { addr: a.localNode.address, name: 'a' };
    assert.deepEqual(messages, [{ payload: Buffer.from('hello'), from }]);
    assert.deepEqual(told, messages);
  });

  void it('keeps what it was given as it was, and takes any Uint8Array', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const messages = received(b!);
    const message = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4);
    const sending = a!.sendBestEffort(b!.localNode, message);
    message.fill(0);
    await sending;
    await until(b!, () => messages.length === 1);
    assert.deepEqual(messages[0]?.payload, Buffer.of(1, 2, 3));
  });

  void it('rejects with a ProtocolError when the packet cannot be sent', async () => {
    await using cluster = new Cluster();
    const failure = new Error('the cable is out');
    const inner = cluster.network.transport('a');
    const transport = altered(inner, { writeTo: () => Promise.reject(failure) });
    const a = await cluster.node('a', { transport });
    const b = await cluster.node('b');
    const error = await rejection(a.sendBestEffort(b.localNode, Buffer.of(1)), ProtocolError);
    assert.equal(error.cause, failure);
  });
});

void describe('Memberlist.sendReliable', () => {
  for (const size of [0, 1, 1_400, 100_000, 5 * MiB]) {
    void it(`delivers ${size} bytes`, async () => {
      await using cluster = new Cluster();
      const [a, b] = await cluster.joined(['a', 'b'], { ...fast, tcpTimeout: 30_000 });
      const messages = received(b!);
      const payload = randomBytes(size);
      await a!.sendReliable(b!.localNode, payload);
      await until(b!, () => messages.length === 1, 30_000);
      assert.ok(messages[0]?.payload.equals(payload));
    });
  }

  void it('delivers 5 MB with encryption', async () => {
    await using cluster = new Cluster();
    const config = { ...fast, secretKey: Buffer.alloc(32, 3), tcpTimeout: 30_000 };
    const [a, b] = await cluster.joined(['a', 'b'], config);
    const messages = received(b!);
    const payload = randomBytes(5_000_000);
    await a!.sendReliable(b!.localNode, payload);
    await until(b!, () => messages.length === 1, 30_000);
    assert.ok(messages[0]?.payload.equals(payload));
  });

  void it('takes 20 MiB and not a byte more', async () => {
    await using cluster = new Cluster();
    const config = { ...mute, enableCompression: false, tcpTimeout: 30_000 };
    const [a, b] = await cluster.joined(['a', 'b'], config);
    const messages = received(b!);
    const payload = Buffer.alloc(20 * MiB + 1, 'memberlist');
    const over = a!.sendReliable(b!.localNode, payload);
    const error = await rejection(over, MessageTooLargeError);
    assert.equal(error.limit, 20 * MiB);
    assert.equal(error.size, 20 * MiB + 1);
    await a!.sendReliable(b!.localNode, payload.subarray(1));
    await until(b!, () => messages.length === 1, 30_000);
    assert.ok(messages[0]?.payload.equals(payload.subarray(1)));
  });

  void it('rejects with a ProtocolError when nobody is there', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const to = b!.localNode;
    await b!.shutdown();
    const error = await rejection(a!.sendReliable(to, Buffer.of(1)), ProtocolError);
    assert.match(error.message, new RegExp(to.address));
  });
});

void describe('Memberlist.sendToAddress', () => {
  void it('reaches a stranger', async () => {
    await using cluster = new Cluster();
    const [a, b] = [await cluster.node('a'), await cluster.node('b')];
    const messages = received(b);
    await a.sendToAddress(addressOf(b), Buffer.from('hi'));
    await until(b, () => messages.length === 1);
    assert.deepEqual(messages[0]?.from, { addr: a.localNode.address });
    assert.deepEqual(names(b), ['b']);
  });

  void it('rejects what is no ip:port, and what is too large', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    for (const addr of ['', 'localhost:1', '10.0.0.1', '::1', 'x']) {
      const error = await rejection(a.sendToAddress({ addr }, Buffer.of(1)), ConfigError);
      assert.equal(error.problems[0]?.field, 'to.addr');
    }
    await rejection(a.sendToAddress(addressOf(a), Buffer.alloc(1_400)), MessageTooLargeError);
  });

  void it('demands a name where requireNodeNames is set', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a', { requireNodeNames: true });
    const b = await cluster.node('b');
    const messages = received(b);
    await rejection(a.sendToAddress(addressOf(b), Buffer.of(1)), NodeNameRequiredError);
    await a.sendToAddress({ ...addressOf(b), name: 'b' }, Buffer.of(2));
    await a.sendBestEffort(b.localNode, Buffer.of(3));
    await until(b, () => messages.length === 2);
    assert.deepEqual(
      messages.map(({ payload }) => payload[0]),
      [2, 3],
    );
  });
});

// A node that passes on what it has not seen before.
class Gossiper {
  readonly seen = new Set<string>();
  readonly queue: TransmitLimitedQueue;
  list: Memberlist | undefined;

  constructor() {
    const numNodes = (): number => this.list?.numMembers ?? 1;
    this.queue = new TransmitLimitedQueue({ numNodes, retransmitMult: 12 });
  }

  say(text: string, finished?: () => void): void {
    this.seen.add(text);
    this.queue.queueBroadcast({ message: Buffer.from(text), ...(finished && { finished }) });
  }

  static async start(cluster: Cluster, name: string): Promise<Gossiper> {
    const gossiper = new Gossiper();
    gossiper.list = await cluster.node(name, {
      delegate: {
        notifyMsg: (message) => {
          const text = message.toString();
          if (!gossiper.seen.has(text)) gossiper.say(text);
        },
        getBroadcasts: (overhead, limit) => gossiper.queue.getBroadcasts(overhead, limit),
      },
    });
    return gossiper;
  }
}

void describe('Delegate.getBroadcasts', () => {
  void it('spreads what a TransmitLimitedQueue holds to everybody', async () => {
    await using cluster = new Cluster();
    const gossipers: Gossiper[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      gossipers.push(await Gossiper.start(cluster, name));
    }
    const lists = gossipers.map(({ list }) => list!);
    await meet(lists);
    const said = Array.from({ length: 20 }, (_, i) => `news ${i} ${'.'.repeat(i * 20)}`);
    let finished = 0;
    for (const text of said) gossipers[0]!.say(text, () => finished++);
    await until(lists, () => gossipers.every(({ seen }) => seen.size === said.length));
    await until(lists, () => finished === said.length);
    for (const { seen } of gossipers) assert.deepEqual([...seen].sort(), [...said].sort());
  });

  void it('is told the room that there is, and what is over it is dropped and logged', async () => {
    await using cluster = new Cluster();
    const rooms: [overhead: number, limit: number][] = [];
    const getBroadcasts = (overhead: number, limit: number): Uint8Array[] => {
      rooms.push([overhead, limit]);
      return [Buffer.alloc(limit - overhead, 1), Buffer.of(2)];
    };
    const b = await cluster.node('b');
    const log = new Log();
    const a = await cluster.node('a', { delegate: { getBroadcasts }, logger: log });
    const messages = received(b);
    await a.join([addressOf(b).addr]);
    // Membership messages come first, and leave less room, until they were all gossiped.
    await until(b, () => messages.some(({ payload }) => payload.length > 1_380));
    assert.ok(messages.every(({ payload }) => payload[0] === 1));
    assert.equal(log.of('user-broadcast-too-large')[0]?.fields.size, 1);
    assert.ok(rooms.every(([overhead, limit]) => overhead === 3 && limit <= 1_400));
  });
});
