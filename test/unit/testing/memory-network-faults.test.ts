/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  MemoryNetwork,
  type MemoryNetworkOptions,
  VirtualClock,
} from '../../../src/testing/index.js';
import { Endpoint, failureOf, readAll, settle } from '../../contract/endpoint.js';

interface World {
  readonly network: MemoryNetwork;
  readonly clock: VirtualClock;
  readonly a: Endpoint;
  readonly b: Endpoint;
}

/** Two started transports, `a` and `b`, in virtual time. */
async function world(options: MemoryNetworkOptions = {}): Promise<World> {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock, ...options });
  const a = await Endpoint.start(network.transport('a'));
  const b = await Endpoint.start(network.transport('b'));
  return { network, clock, a, b };
}

function send(from: Endpoint, to: Endpoint, text = 'x'): void {
  void from.transport.writeTo(Buffer.from(text), { addr: to.addr });
}

function sendMany(from: Endpoint, to: Endpoint, count = 1_000): void {
  for (let i = 0; i < count; i++) send(from, to, String(i));
}

function numbers(endpoint: Endpoint): number[] {
  return endpoint.packets.all.map(({ data }) => Number(data.toString()));
}

function times(endpoint: Endpoint): number[] {
  return endpoint.packets.all.map(({ receivedAt }) => receivedAt);
}

async function connected({
  a,
  b,
  clock,
}: World): Promise<Awaited<ReturnType<Endpoint['connect']>>> {
  const pair = a.connect(b);
  clock.advance(100);
  return pair;
}

suite('MemoryNetwork: faults of packets', () => {
  test('a share of packets arrives twice, each time with its own latency', async () => {
    const { clock, a, b } = await world({ duplication: 0.25, latency: { min: 1, max: 9 } });
    sendMany(a, b);
    clock.advance(10);
    assert.ok(Math.abs(b.packets.all.length - 1_250) < 60, `${b.packets.all.length}`);
    assert.equal(new Set(numbers(b)).size, 1_000);
    const [first, second] = b.packets.all.filter(({ data }, _i, all) =>
      all.some((other) => other.data !== data && other.data.equals(data)),
    );
    assert.notEqual(first!.receivedAt, second!.receivedAt);
  });

  test('a fraction of packets is delayed by up to 50 ms, and overtaken', async () => {
    const { clock, a, b } = await world({ reordering: 0.2, latency: 5 });
    sendMany(a, b);
    clock.advance(5);
    assert.ok(Math.abs(b.packets.all.length - 800) < 60, `${b.packets.all.length}`);
    clock.advance(50);
    assert.equal(b.packets.all.length, 1_000);
    const sorted = [...numbers(b)].sort((x, y) => x - y);
    assert.notDeepEqual(numbers(b), sorted);
  });

  test('bandwidth makes packets wait for one another, at their sender', async () => {
    const { network, clock, a, b } = await world({ bandwidth: 1_000 });
    const c = await Endpoint.start(network.transport('c'));
    for (let i = 0; i < 3; i++) send(a, b, 'x'.repeat(100));
    send(c, b, 'x'.repeat(50));
    clock.advance(1_000);
    assert.deepEqual(times(b), [50, 100, 200, 300]);
  });

  test('packets that would wait longer than a second are dropped, until the queue is short', async () => {
    const { clock, a, b } = await world({ bandwidth: 1_000 });
    for (let i = 0; i < 30; i++) send(a, b, 'x'.repeat(100));
    clock.advance(5_000);
    assert.equal(b.packets.all.length, 11);
    send(a, b, 'x');
    clock.advance(100);
    assert.equal(b.packets.all.length, 12);
  });

  test('the buffer of a slow link may be smaller or larger than the bytes of one second', async () => {
    for (const [bufferBytes, arrived] of [
      [300, 4],
      [2_000, 21],
    ] as const) {
      const { clock, a, b } = await world({ bandwidth: 1_000, bufferBytes });
      for (let i = 0; i < 30; i++) send(a, b, 'x'.repeat(100));
      clock.advance(5_000);
      assert.equal(b.packets.all.length, arrived);
    }
  });

  test('a link has the buffer of the network unless it has its own', async () => {
    const { network, clock, a, b } = await world({ bufferBytes: 300 });
    network.link('a', 'b', { bandwidth: 1_000 });
    for (let i = 0; i < 30; i++) send(a, b, 'x'.repeat(100));
    clock.advance(5_000);
    assert.equal(b.packets.all.length, 4);
    network.link('a', 'b', { bufferBytes: 500 });
    for (let i = 0; i < 30; i++) send(a, b, 'x'.repeat(100));
    clock.advance(5_000);
    assert.equal(b.packets.all.length, 10);
  });

  test('a link may have a bandwidth of its own', async () => {
    const { network, clock, a, b } = await world({ latency: 1 });
    network.link('a', 'b', { bandwidth: 1_000 });
    for (let i = 0; i < 2; i++) {
      send(a, b, 'x'.repeat(100));
      send(b, a, 'x'.repeat(100));
    }
    network.change({ latency: 2 });
    send(a, b, 'x'.repeat(100));
    clock.advance(1_000);
    assert.deepEqual(times(a), [1, 1]);
    assert.deepEqual(times(b), [101, 201, 302], 'what is under way keeps its place in the queue');
  });

  test('each kind of fault draws from random numbers of its own', async () => {
    const arrivals = async (options: MemoryNetworkOptions): Promise<Map<number, number>> => {
      const { clock, a, b } = await world({ latency: { min: 1, max: 9 }, loss: 0.3, ...options });
      sendMany(a, b);
      clock.advance(100);
      const seen = new Map<number, number>();
      numbers(b).forEach((n, i) => {
        if (!seen.has(n)) seen.set(n, times(b)[i]!);
      });
      return seen;
    };
    const plain = await arrivals({});
    const doubled = await arrivals({ duplication: 0.5 });
    assert.deepEqual([...doubled.keys()].sort(), [...plain.keys()].sort(), 'the same are lost');
    const lossless = await arrivals({ loss: 0 });
    for (const [n, at] of plain) assert.equal(lossless.get(n), at, 'delays stay the same');
    const reordered = await arrivals({ reordering: 0.5 });
    assert.deepEqual([...reordered.keys()].sort(), [...plain.keys()].sort());
    for (const [n, at] of reordered) assert.ok(at >= plain.get(n)!);
  });

  test('values out of range are rejected by name', () => {
    for (const field of ['loss', 'duplication', 'reordering', 'streamBreaks'] as const) {
      for (const share of [-0.1, 1.1, NaN]) {
        const wrong = new RegExp(`${field} must be from 0 to 1`);
        assert.throws(() => new MemoryNetwork({ [field]: share }), wrong);
        assert.throws(() => new MemoryNetwork().change({ [field]: share }), wrong);
      }
    }
    for (const bandwidth of [0, -1, NaN]) {
      assert.throws(() => new MemoryNetwork({ bandwidth }), /bandwidth must be above 0/);
    }
    for (const bufferBytes of [-1, NaN]) {
      assert.throws(() => new MemoryNetwork({ bufferBytes }), /bufferBytes must be 0 or more/);
    }
    assert.throws(() => new MemoryNetwork().link('a', 'b', {}), /no transport is called "a"/);
  });

  test('a fault that is misspelt is refused, for it would be none', async () => {
    const wrong: object = { los: 0.5 };
    const { network } = await world();
    assert.throws(() => new MemoryNetwork(wrong), /a link has no "los"/);
    assert.throws(() => network.change(wrong), RangeError);
    assert.throws(() => network.link('a', 'b', wrong), RangeError);
  });
});

suite('MemoryNetwork: links', () => {
  test('a link has its own properties in one direction, in addition to earlier ones', async () => {
    const { network, clock, a, b } = await world({ latency: 1 });
    network.link('a', 'b', { latency: 10 });
    network.link('a', 'b', { duplication: 1 });
    send(a, b);
    send(b, a);
    clock.advance(20);
    assert.deepEqual([times(a), times(b)], [[1], [10, 10]]);
    network.link('a', 'b', { loss: 1 });
    send(a, b);
    clock.advance(20);
    assert.equal(b.packets.all.length, 2);
  });

  test('heal() removes the faults of links, and keeps their latency and bandwidth', async () => {
    const { network, clock, a, b } = await world({ latency: 1 });
    network.link('a', 'b', { latency: 10, loss: 1, duplication: 1, down: true });
    network.link('b', 'a', { loss: 1, streamBreaks: 1, reordering: 1 });
    network.heal();
    send(a, b);
    send(b, a);
    clock.advance(20);
    assert.deepEqual([times(a), times(b)], [[1], [10]]);
  });

  test('what the whole network is like may change, where links have nothing of their own', async () => {
    const { network, clock, a, b } = await world({ latency: 1, loss: 1 });
    network.link('a', 'b', { latency: 7 });
    network.change({ loss: 0, latency: 3 });
    send(a, b);
    send(b, a);
    clock.advance(20);
    assert.deepEqual([times(a), times(b)], [[3], [7]]);
  });

  test('a partition one way lets earlier groups be heard by later ones only', async () => {
    const { network, clock, a, b } = await world();
    network.partition([['a'], ['b']], { oneWay: true });
    send(a, b);
    send(b, a);
    clock.advance(0);
    assert.deepEqual([a.packets.all.length, b.packets.all.length], [0, 1]);
    network.heal();
    send(b, a);
    clock.advance(0);
    assert.equal(a.packets.all.length, 1);
  });

  test('a transport cannot be in two groups of a partition, and the earlier partition remains', async () => {
    const { network, clock, a, b } = await world();
    network.partition([['a'], ['b']]);
    assert.throws(
      () => network.partition([['a', 'b'], ['b']]),
      /10\.0\.0\.2:7946 is in two groups/,
    );
    send(a, b);
    clock.advance(0);
    assert.equal(b.packets.all.length, 0);
    network.partition([['a', 'b', 'b']]);
    send(a, b);
    clock.advance(0);
    assert.equal(b.packets.all.length, 1);
  });

  test('a vanished address answers nothing until another transport starts there', async () => {
    const { network, clock, a } = await world();
    const transport = network.transport('c');
    const c = await Endpoint.start(transport);
    const pair = a.connect(c);
    clock.advance(0);
    const [near] = await pair;
    network.blackhole(c.addr);
    transport.vanish();
    const read = failureOf(near.read());
    const dial = failureOf(a.dial(c));
    clock.advance(5_000);
    assert.equal(((await dial) as NodeJS.ErrnoException).code, 'ETIMEDOUT');
    let hasEnded = false;
    void read.then(() => (hasEnded = true));
    await settle();
    assert.equal(hasEnded, false);
    const again = await Endpoint.start(network.transport('c'));
    send(a, again);
    clock.advance(0);
    assert.equal(again.packets.all.length, 1);
  });
});

suite('MemoryNetwork: streams that suffer', () => {
  test('loss makes a stream late, and takes nothing from it', async () => {
    const it = await world({ loss: 0.5, latency: 1 });
    const pair = it.a.connect(it.b);
    it.clock.advance(4_000);
    const [near, far] = await pair;
    for (let i = 0; i < 10; i++) await near.write(Buffer.from(String(i)));
    near.close();
    const startedAt = it.clock.now();
    const text = readAll(far).then((bytes) => bytes.toString());
    while (it.clock.runNext());
    assert.equal(await text, '0123456789');
    assert.ok(it.clock.now() - startedAt > 200);
  });

  test('a stream over a link that loses everything stalls', async () => {
    const it = await world({ latency: 1 });
    const [near, far] = await connected(it);
    it.network.link('a', 'b', { loss: 1 });
    await near.write(Buffer.from('x'));
    it.clock.advance(60_000);
    let came = false;
    const read = far.read().then((chunk) => {
      came = true;
      return chunk?.toString();
    });
    await settle();
    assert.equal(came, false);
    it.network.heal();
    it.clock.advance(0);
    assert.equal(await read, 'x');
  });

  test('bandwidth makes a long message take its time', async () => {
    const it = await world({ bandwidth: 10_000 });
    const [near, far] = await connected(it);
    await near.write(Buffer.alloc(5_000));
    await near.write(Buffer.alloc(5_000));
    near.close();
    const startedAt = it.clock.now();
    let endedAt = 0;
    const read = readAll(far).then(() => (endedAt = it.clock.now()));
    while (it.clock.runNext()) await settle();
    await read;
    assert.equal(endedAt - startedAt, 1_000);
  });

  test('a stream that is to break does so half-way, at both ends', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const it = await world({ streamBreaks: 1, latency: 1, seed });
      const [near, far] = await connected(it);
      await near.write(Buffer.alloc(100_000));
      it.clock.advance(10);
      let received = 0;
      const readOn = async (): Promise<void> => {
        for (let chunk = await far.read(); chunk; chunk = await far.read()) {
          received += chunk.length;
        }
      };
      const failure = await failureOf(readOn());
      assert.equal((failure as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET');
      assert.ok(received < 65_536 * 2);
      await assert.rejects(near.read(), { code: 'ECONNRESET' });
      await assert.rejects(near.write(Buffer.from('x')), { code: 'ECONNRESET' });
    }
  });

  test('most streams that are to break carry little before', () => {
    const sizes: number[] = [];
    for (let seed = 0; seed < 40; seed++) {
      const network = new MemoryNetwork({ streamBreaks: 1, seed });
      sizes.push(network.open('10.0.0.1:1', '10.0.0.2:1').spend(1e9));
    }
    assert.ok(sizes.some((size) => size < 10));
    assert.ok(sizes.some((size) => size > 10_000));
    assert.ok(sizes.every((size) => size >= 1 && size < 65_536));
  });

  test('all streams of one transport can be broken together', async () => {
    const it = await world({ latency: 1 });
    const transport = it.network.transport('c');
    const c = await Endpoint.start(transport);
    const [near, far] = await connected({ ...it, a: c });
    transport.breakStreams();
    it.clock.advance(2);
    await assert.rejects(near.read(), { code: 'ECONNRESET' });
    await assert.rejects(far.read(), { code: 'ECONNRESET' });
  });
});

suite('MemoryNetwork: what was sent', () => {
  test('is counted in total and by name, including lost data', async () => {
    const it = await world({ loss: 0.5 });
    for (let i = 0; i < 10; i++) send(it.a, it.b, 'four');
    send(it.b, it.a, 'x');
    const pair = it.a.connect(it.b);
    it.clock.advance(4_000);
    const [near, far] = await pair;
    await near.write(Buffer.alloc(100));
    await far.write(Buffer.alloc(30));
    const refused = failureOf(it.a.transport.dial({ addr: '10.9.9.9:1' }, { timeout: 50 }));
    it.clock.advance(4_000);
    await refused;
    assert.deepEqual(it.network.stats(), {
      packets: 11,
      packetBytes: 41,
      streams: 2,
      streamBytes: 130,
      byNode: {
        a: { packets: 10, packetBytes: 40, streams: 2, streamBytes: 100 },
        b: { packets: 1, packetBytes: 1, streams: 0, streamBytes: 30 },
      },
    });
  });

  test('is not counted for a transport that could not start at the same address', async () => {
    const { network, clock, a, b } = await world();
    const late = network.transport('late', { addr: a.addr });
    await assert.rejects(Endpoint.start(network.transport('x', { addr: a.addr })));
    send(a, b);
    clock.advance(0);
    assert.deepEqual(
      [network.stats().byNode.a?.packets, network.stats().byNode.x?.packets],
      [1, 0],
    );
    await a.transport.shutdown();
    send(await Endpoint.start(late), b);
    assert.deepEqual(
      [network.stats().byNode.a?.packets, network.stats().byNode.late?.packets],
      [1, 1],
    );
  });

  test('is counted further when a name comes back, also at another address', async () => {
    const { network, clock, a, b } = await world();
    send(b, a);
    await b.transport.shutdown();
    const again = await Endpoint.start(network.transport('b', { addr: 'new' }));
    assert.notEqual(again.addr, b.addr);
    assert.equal(network.addrOf('b'), again.addr);
    send(again, a);
    clock.advance(0);
    assert.equal(network.stats().byNode.b?.packets, 2);
  });
});
