/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MemoryNetwork, VirtualClock } from '../../../src/testing/index.js';
import type { MemoryNetworkOptions } from '../../../src/testing/index.js';
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

suite('MemoryNetwork: addresses', () => {
  test('every transport has an address of its own, or the one that was asked for', async () => {
    const network = new MemoryNetwork();
    const addrs: string[] = [];
    const options = [{}, {}, { addr: '10.0.0.3:7946' }, {}, { addr: '[fd00::1]:99' }];
    for (const [i, option] of options.entries()) {
      const endpoint = await Endpoint.start(network.transport(`n${i}`, option));
      addrs.push(endpoint.addr);
      await endpoint.transport.shutdown();
    }
    assert.deepEqual(addrs, [
      '10.0.0.1:7946',
      '10.0.0.2:7946',
      '10.0.0.3:7946',
      '10.0.0.4:7946',
      '[fd00::1]:99',
    ]);
    assert.throws(() => network.transport('x', { addr: 'nonsense' }), RangeError);
  });

  test('a name that comes back after a shutdown has its address again', async () => {
    const { network, a, b, clock } = await world();
    await assert.rejects(Endpoint.start(network.transport('b')), { code: 'EADDRINUSE' });
    await b.transport.shutdown();
    const again = await Endpoint.start(network.transport('b'));
    assert.equal(again.addr, b.addr);
    send(a, again);
    clock.advance(0);
    assert.equal(again.packets.all.length, 1);
    assert.equal(b.packets.all.length, 0);
  });

  test('latency and loss are checked', () => {
    for (const latency of [-1, NaN, Infinity, { min: 2, max: 1 }]) {
      assert.throws(() => new MemoryNetwork({ latency }), RangeError);
    }
    for (const loss of [-0.1, 1.1, NaN]) {
      assert.throws(() => new MemoryNetwork({ loss }), RangeError);
    }
  });
});

suite('MemoryNetwork: packets', () => {
  test('a packet arrives after the latency and is stamped with the clock', async () => {
    const { clock, a, b } = await world({ latency: 5 });
    send(a, b);
    clock.advance(4.9);
    assert.equal(b.packets.all.length, 0);
    clock.advance(10);
    assert.equal(b.packets.all[0]?.receivedAt, 5);
  });

  test('without latency a packet does not arrive within the call that sends it either', async () => {
    const { clock, a, b } = await world();
    send(a, b);
    assert.equal(b.packets.all.length, 0);
    clock.advance(0);
    assert.equal(b.packets.all[0]?.receivedAt, 0);
  });

  test('latency is drawn from its range, so packets may overtake each other', async () => {
    const { clock, a, b } = await world({ latency: { min: 1, max: 20 } });
    for (let i = 0; i < 100; i++) send(a, b, String(i));
    clock.advance(30);
    const times = b.packets.all.map(({ receivedAt }) => receivedAt);
    assert.equal(times.length, 100);
    assert.ok(times.every((time) => time >= 1 && time <= 20));
    const order = b.packets.all.map(({ data }) => Number(data.toString()));
    assert.notDeepEqual(
      order,
      [...order].sort((x, y) => x - y),
    );
  });

  test('the share of packets that is lost is the one asked for, and decided by the seed', async () => {
    const arrivals = async (seed: number): Promise<string> => {
      const { clock, a, b } = await world({ loss: 0.3, seed });
      for (let i = 0; i < 1000; i++) send(a, b, String(i));
      clock.advance(0);
      assert.ok(Math.abs(b.packets.all.length - 700) < 60, `${b.packets.all.length} of 1000`);
      return b.packets.all.map(({ data }) => data.toString()).join();
    };
    assert.equal(await arrivals(1), await arrivals(1));
    assert.notEqual(await arrivals(1), await arrivals(2));
  });

  test('packets in flight to a transport that has shut down are lost', async () => {
    const { clock, a, b } = await world({ latency: 5 });
    send(a, b);
    await b.transport.shutdown();
    clock.advance(10);
    assert.equal(b.packets.all.length, 0);
  });
});

suite('MemoryNetwork: faults', () => {
  test('a cut link carries nothing one way; the other way and after mending it does', async () => {
    const { network, clock, a, b } = await world();
    network.cut('a', b.addr);
    send(a, b);
    send(b, a);
    clock.advance(0);
    assert.deepEqual([a.packets.all.length, b.packets.all.length], [1, 0]);
    network.mend(a.addr, 'b');
    send(a, b);
    clock.advance(0);
    assert.equal(b.packets.all.length, 1);
    assert.throws(() => network.cut('a', 'missing'), RangeError);
  });

  test('packets in flight on a link are lost when it is cut', async () => {
    const { network, clock, a, b } = await world({ latency: 5 });
    send(a, b);
    clock.advance(1);
    network.cut('a', 'b');
    clock.advance(10);
    assert.equal(b.packets.all.length, 0);
  });

  test('a partition lets only members of the same group hear each other, until it is healed', async () => {
    const { network, clock, a, b } = await world();
    const c = await Endpoint.start(network.transport('c'));
    const d = await Endpoint.start(network.transport('d'));
    const all = [a, b, c, d];
    const heard = (): string[] => {
      const before = all.map(({ packets }) => packets.all.length);
      for (const from of all) for (const to of all) if (from !== to) send(from, to, from.addr[7]);
      clock.advance(0);
      return all.map(({ packets }, i) =>
        packets.all
          .slice(before[i])
          .map(({ data }) => data.toString())
          .join(''),
      );
    };
    network.partition([['a', 'b'], ['c']]);
    assert.deepEqual(heard(), ['24', '14', '4', '123'], 'd is in no group and hears all');
    network.partition([['a'], ['b', 'c', 'd']]);
    assert.deepEqual(heard(), ['', '34', '24', '23']);
    network.cut('b', 'c');
    network.heal();
    assert.deepEqual(heard(), ['234', '134', '124', '123']);
  });

  test('a stream stalls while its link is cut and continues, in order, when it is mended', async () => {
    const { network, clock, a, b } = await world({ latency: { min: 1, max: 9 } });
    const pair = a.connect(b);
    clock.advance(100);
    const [near, far] = await pair;
    network.cut('a', 'b');
    for (let i = 0; i < 10; i++) await near.write(Buffer.from(String(i)));
    near.close();
    const answer = near.read();
    clock.advance(1_000);
    assert.equal(await answer, null);
    let done = false;
    const text = readAll(far).then((bytes) => {
      done = true;
      return bytes.toString();
    });
    await settle();
    assert.equal(done, false);
    network.mend('a', 'b');
    clock.advance(1);
    assert.equal(await text, '0123456789');
  });

  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    test(`dialling from a to b with the link from ${from} to ${to} cut times out`, async () => {
      const { network, clock, a, b } = await world();
      network.cut(from, to);
      const dial = failureOf(a.dial(b));
      clock.advance(4_999);
      network.cut(from, to);
      clock.advance(1);
      assert.equal(((await dial) as NodeJS.ErrnoException).code, 'ETIMEDOUT');
      network.heal();
      clock.advance(1_000);
      for (const stream of b.streams.all) await assert.rejects(stream.read());
      assert.equal(clock.pending, 0);
    });
  }

  test('a dial whose link is mended in time succeeds', async () => {
    const { network, clock, a, b } = await world();
    network.cut('a', 'b');
    const dial = a.dial(b);
    clock.advance(1_000);
    network.mend('a', 'b');
    clock.advance(0);
    assert.equal((await dial).remoteAddress, b.addr);
    assert.equal(b.streams.all.length, 1);
    assert.equal(clock.pending, 0, 'the timeout is gone');
  });
});

suite('MemoryNetwork: streams', () => {
  test('a stream takes the latency of its link there and back', async () => {
    const { clock, a, b } = await world({ latency: 5 });
    const pair = a.connect(b);
    clock.advance(5);
    assert.equal(b.streams.all.length, 1);
    clock.advance(5);
    const [near, far] = await pair;
    let arrivedAt = 0;
    const read = far.read().then(() => (arrivedAt = clock.now()));
    await near.write(Buffer.from('x'));
    clock.advance(5);
    await read;
    assert.equal(arrivedAt, 15);
  });

  test('one read gives at most 64 KiB', async () => {
    const { clock, a, b } = await world();
    const pair = a.connect(b);
    clock.advance(0);
    const [near, far] = await pair;
    await near.write(Buffer.alloc(100_000));
    clock.advance(0);
    assert.equal((await far.read())?.length, 65_536);
    assert.equal((await far.read())?.length, 34_464);
  });

  test('the far end learns of a shutdown after the latency, after the data written before it', async () => {
    const { clock, a, b } = await world({ latency: 5 });
    const pair = a.connect(b);
    clock.advance(10);
    const [near, far] = await pair;
    await near.write(Buffer.from('last words'));
    await a.transport.shutdown();
    await assert.rejects(near.read(), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
    clock.advance(5);
    assert.equal((await far.read())?.toString(), 'last words');
    await assert.rejects(far.read(), { code: 'ECONNRESET' });
    await assert.rejects(far.write(Buffer.from('x')), { code: 'ECONNRESET' });
  });

  test('real time keeps the process alive while a transport is started, virtual time does not', async () => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const { a, b } = await world();
    assert.equal(timers(), before);
    await Promise.all([a.transport.shutdown(), b.transport.shutdown()]);

    const network = new MemoryNetwork();
    const [c, d] = [network.transport('c'), network.transport('d')];
    await Endpoint.start(c);
    await Endpoint.start(d);
    assert.equal(timers(), before + 1);
    await c.shutdown();
    assert.equal(timers(), before + 1);
    await Promise.all([d.shutdown(), d.shutdown()]);
    assert.equal(timers(), before);
  });
});
