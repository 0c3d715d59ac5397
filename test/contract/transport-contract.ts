/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The contract of every transport. One suite, run for each implementation.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Connection, Transport } from '../../src/transport/transport.js';
import { splitHostPort } from '../../src/wire/address.js';
import { Endpoint, failureOf, pattern, readAll, readExactly, settle } from './endpoint.js';

/** Creates transports of one kind, all of which can reach each other. */
export interface TransportHarness {
  /** A transport that has not been started, with a unique address. */
  make(): Transport;
  /** One that binds exactly `addr`, an `'ip:port'`. */
  makeAt(addr: string): Transport;
}

type Pair = (a: Endpoint, b: Endpoint) => Promise<void>;

/** Runs the contract for one kind of transport. */
export function transportContract(name: string, makeHarness: () => TransportHarness): void {
  const started = (): Promise<Endpoint> => Endpoint.start(makeHarness().make());
  /** A test with two started endpoints, which are shut down after it. */
  const pairTest = (title: string, body: Pair): void => {
    test(title, { timeout: 20_000 }, async () => {
      const harness = makeHarness();
      await using a = await Endpoint.start(harness.make());
      await using b = await Endpoint.start(harness.make());
      await body(a, b);
    });
  };

  suite(`${name}: packets`, () => packetContract(pairTest, started));
  suite(`${name}: streams`, () => streamContract(pairTest));
  suite(`${name}: closing a stream`, () => closeContract(pairTest));
  suite(`${name}: resetting a stream`, () => resetContract(pairTest));
  suite(`${name}: lifecycle`, () => lifecycleContract(pairTest, makeHarness));
}

type PairTest = (title: string, body: Pair) => void;

function packetContract(pairTest: PairTest, started: () => Promise<Endpoint>): void {
  pairTest('packets go both ways and come with the address of their source', async (a, b) => {
    await a.transport.writeTo(Buffer.from('ping'), { addr: b.addr, name: 'b' });
    const ping = await b.packets.next();
    assert.equal(ping.data.toString(), 'ping');
    assert.equal(ping.from.addr, a.addr);

    await b.transport.writeTo(Buffer.from('pong'), ping.from);
    const pong = await a.packets.next();
    assert.equal(pong.data.toString(), 'pong');
    assert.equal(pong.from.addr, b.addr);
  });

  pairTest('a packet has the time at which it was received', async (a, b) => {
    for (let i = 0; i < 2; i++) await a.transport.writeTo(Buffer.from('x'), { addr: b.addr });
    const [first, second] = [await b.packets.next(), await b.packets.next()];
    assert.ok(first.receivedAt > 0 && second.receivedAt >= first.receivedAt);
  });

  for (const size of [0, 1, 1400, 60_000, 65_507]) {
    pairTest(`a packet of ${size} bytes arrives whole`, async (a, b) => {
      const sent = pattern(size);
      await a.transport.writeTo(sent, { addr: b.addr });
      const { data } = await b.packets.next();
      assert.ok(data.equals(pattern(size)));
    });
  }

  pairTest('the sender may overwrite a packet after sending it', async (a, b) => {
    const sent = Buffer.from('first');
    await a.transport.writeTo(sent, { addr: b.addr });
    sent.fill(0);
    assert.equal((await b.packets.next()).data.toString(), 'first');
  });

  pairTest('a packet that is larger than UDP can carry is rejected as EMSGSIZE', async (a, b) => {
    const sent = a.transport.writeTo(Buffer.alloc(65_536), { addr: b.addr });
    await assert.rejects(async () => sent, { code: 'EMSGSIZE' });
  });

  pairTest('a transport can send packets to itself', async (a) => {
    await a.transport.writeTo(Buffer.from('me'), { addr: a.addr });
    assert.equal((await a.packets.next()).from.addr, a.addr);
  });

  for (const addr of ['', 'nonsense', 'host.example:7946', '10.0.0.1', '::1:7946', '10.0.0.1:0']) {
    test(`writing to "${addr}" and dialing it rejects`, async () => {
      await using a = await started();
      await assert.rejects(async () => a.transport.writeTo(Buffer.from('x'), { addr }));
      await assert.rejects(a.transport.dial({ addr }, { timeout: 5_000 }));
    });
  }

  pairTest('packets to an unused address vanish', async (a, b) => {
    const { addr } = b;
    await b.transport.shutdown();
    await a.transport.writeTo(Buffer.from('x'), { addr });
    await settle();
    assert.equal(b.packets.all.length, 0);
  });
}

function streamContract(pairTest: PairTest): void {
  pairTest('a dialed stream arrives, and both ends know the address of the other', async (a, b) => {
    const [near, far] = await a.connect(b);
    assert.equal(near.remoteAddress, b.addr);
    const { port = 0 } = splitHostPort(far.remoteAddress) ?? {};
    assert.ok(port > 0, `"${far.remoteAddress}" is an ip:port`);
  });

  pairTest('what one end writes, the other can echo', async (a, b) => {
    const [near, far] = await a.connect(b);
    await near.write(Buffer.from('hello'));
    await far.write(await readExactly(far, 5));
    assert.equal((await readExactly(near, 5)).toString(), 'hello');
  });

  pairTest('five megabytes go each way at the same time', async (a, b) => {
    const [near, far] = await a.connect(b);
    const sent = pattern(5_000_000);
    const answer = Buffer.from(sent).reverse();
    const [, , arrived, returned] = await Promise.all([
      near.write(sent),
      far.write(answer),
      readExactly(far, sent.length),
      readExactly(near, answer.length),
    ]);
    assert.ok(arrived.equals(sent));
    assert.ok(returned.equals(answer));
  });

  pairTest('several streams between the same two transports are separate', async (a, b) => {
    const [near1, far1] = await a.connect(b);
    const [near2, far2] = await a.connect(b);
    await near1.write(Buffer.from('one'));
    await near2.write(Buffer.from('two'));
    assert.equal((await readExactly(far2, 3)).toString(), 'two');
    assert.equal((await readExactly(far1, 3)).toString(), 'one');
  });

  pairTest(
    'a second read while one is pending rejects, and the first still gets its bytes',
    async (a, b) => {
      const [near, far] = await a.connect(b);
      const first = far.read();
      await assert.rejects(far.read(), /pending/);
      await near.write(Buffer.from('x'));
      assert.equal((await first)?.toString(), 'x');
    },
  );

  pairTest('dialing an address without a listener rejects with ECONNREFUSED', async (a, b) => {
    const { addr } = b;
    await b.transport.shutdown();
    const dial = a.transport.dial({ addr }, { timeout: 5_000 });
    await assert.rejects(dial, { code: 'ECONNREFUSED' });
  });

  pairTest('a dial without any time left rejects with ETIMEDOUT', async (a, b) => {
    const dial = a.transport.dial({ addr: b.addr }, { timeout: 0 });
    await assert.rejects(dial, { code: 'ETIMEDOUT' });
  });

  pairTest(
    'a dial rejects with the reason of its signal, before and while it is under way',
    async (a, b) => {
      const reason = new Error('no longer wanted');
      const options = { timeout: 5_000, signal: AbortSignal.abort(reason) };
      await assert.rejects(a.transport.dial({ addr: b.addr }, options), reason);

      const controller = new AbortController();
      const { signal } = controller;
      const dial = a.transport.dial({ addr: b.addr }, { timeout: 5_000, signal });
      controller.abort(reason);
      await assert.rejects(dial, reason);
    },
  );

  pairTest(
    'a signal that aborts after the dial succeeded leaves the stream alone',
    async (a, b) => {
      const controller = new AbortController();
      const { signal } = controller;
      const near = await a.transport.dial({ addr: b.addr }, { timeout: 5_000, signal });
      controller.abort();
      await near.write(Buffer.from('x'));
      const far = await b.streams.next();
      assert.equal((await far.read())?.toString(), 'x');
    },
  );
}

function closeContract(pairTest: PairTest): void {
  pairTest('data written before close is delivered, then the end', async (a, b) => {
    const [near, far] = await a.connect(b);
    const sent = pattern(1_000_000);
    const written = near.write(sent);
    near.close();
    assert.ok((await readAll(far)).equals(sent));
    await written;
    assert.equal(await far.read(), null, 'the end stays the end');
  });

  pairTest('an answer survives a close that leaves a request unread', async (a, b) => {
    const [near, far] = await a.connect(b);
    const request = failureOf(near.write(pattern(400_000)));
    await readExactly(far, 1);
    const answer = pattern(200_000);
    await far.write(answer);
    far.close();
    assert.ok((await readAll(near)).equals(answer));
    await request;
    near.close();
  });

  pairTest('after close, read gives null and write rejects', async (a, b) => {
    const [near, far] = await a.connect(b);
    await far.write(Buffer.from('unread'));
    const pending = near.read();
    near.close();
    near.close();
    await pending;
    assert.equal(await near.read(), null);
    await assert.rejects(near.write(Buffer.from('x')), { code: 'EPIPE' });
  });

  pairTest('close ends a read that is pending with null', async (a, b) => {
    const [near] = await a.connect(b);
    const pending = near.read();
    near.close();
    assert.equal(await pending, null);
  });

  pairTest('unread bytes survive the far end closing', async (a, b) => {
    const [near, far] = await a.connect(b);
    await near.write(Buffer.from('late'));
    near.close();
    await settle();
    assert.equal((await readAll(far)).toString(), 'late');
  });
}

function resetContract(pairTest: PairTest): void {
  const broken = { code: 'ECONNRESET' };

  pairTest(
    'after a reset, the far end reads an error and not the end of the stream',
    async (a, b) => {
      const [near, far] = await a.connect(b);
      await near.write(Buffer.from('unread'));
      const pending = near.read();
      resetOf(far);
      await assert.rejects(pending, broken);
      await assert.rejects(near.read(), broken);
      near.close();
    },
  );

  pairTest('an end notices a reset even if its bytes arrive after it', async (a, b) => {
    const [near, far] = await a.connect(b);
    resetOf(far);
    // Writing may still succeed; the read must fail.
    await failureOf(near.write(Buffer.from('late')));
    await assert.rejects(near.read(), broken);
    near.close();
  });

  pairTest('an end notices a reset even if its bytes were partly read', async (a, b) => {
    const [near, far] = await a.connect(b);
    const written = failureOf(near.write(pattern(400_000)));
    await readExactly(far, 1);
    resetOf(far);
    await assert.rejects(near.read(), broken);
    await written;
    near.close();
  });

  pairTest('after a reset, this end reads null and writes nothing', async (a, b) => {
    const [near, far] = await a.connect(b);
    const pending = far.read();
    resetOf(far);
    resetOf(far);
    far.close();
    assert.equal(await pending, null);
    assert.equal(await far.read(), null);
    await assert.rejects(far.write(Buffer.from('x')), { code: 'EPIPE' });
    near.close();
  });

  pairTest('a reset after close does not discard written data', async (a, b) => {
    const [near, far] = await a.connect(b);
    await far.write(Buffer.from('answer'));
    far.close();
    resetOf(far);
    assert.equal((await readAll(near)).toString(), 'answer');
  });

  for (const reads of [true, false]) {
    const how = reads ? 'was read and not answered' : 'was not read';
    pairTest(`shutdown resets a stream whose request ${how}`, async (a, b) => {
      const [near, far] = await a.connect(b);
      await near.write(Buffer.from('request'));
      if (reads) await readExactly(far, 7);
      await b.transport.shutdown();
      await assert.rejects(near.read(), broken);
      near.close();
    });
  }
}

function resetOf(connection: Connection): void {
  assert.ok(connection.reset !== undefined, 'these transports can reset a stream');
  connection.reset();
}

function lifecycleContract(pairTest: PairTest, makeHarness: () => TransportHarness): void {
  test('starting on an address in use rejects, and the address can be bound later', async () => {
    const harness = makeHarness();
    const first = await Endpoint.start(harness.make());
    const { addr } = first;
    const late = harness.makeAt(addr);
    await assert.rejects(Endpoint.start(late), { code: 'EADDRINUSE' });
    await late.shutdown();
    await first.transport.shutdown();
    await using second = await Endpoint.start(harness.makeAt(addr));
    assert.equal(second.addr, addr);
  });

  test('a transport can be started only once', async () => {
    const { transport } = await Endpoint.start(makeHarness().make());
    await assert.rejects(Endpoint.start(transport));
    await transport.shutdown();
    await assert.rejects(Endpoint.start(transport), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
  });

  test('a transport that was not started rejects sends and dials, and can be shut down', async () => {
    const transport = makeHarness().make();
    const to = { addr: '127.0.0.1:7946' };
    await assert.rejects(async () => transport.writeTo(Buffer.from('x'), to));
    await assert.rejects(transport.dial(to, { timeout: 1_000 }));
    await transport.shutdown();
  });

  test('a shutdown during the start leaves nothing open', async () => {
    const harness = makeHarness();
    const transport = harness.make();
    const start = failureOf(Endpoint.start(transport));
    await transport.shutdown();
    await start;
    const to = { addr: '127.0.0.1:7946' };
    await assert.rejects(async () => transport.writeTo(Buffer.from('x'), to), {
      code: 'ERR_MEMBERLIST_SHUTDOWN',
    });
  });

  pairTest('the advertised address is the configured one, otherwise the bound one', (a) => {
    const { transport } = a;
    const bound = transport.finalAdvertiseAddr(undefined, undefined);
    assert.ok(bound.port > 0);
    assert.deepEqual(transport.finalAdvertiseAddr('192.0.2.7', 99), {
      addr: '192.0.2.7',
      port: 99,
    });
    assert.deepEqual(transport.finalAdvertiseAddr(undefined, 99), { ...bound, port: 99 });
    assert.deepEqual(transport.finalAdvertiseAddr('192.0.2.7', undefined), {
      ...bound,
      addr: '192.0.2.7',
    });
    return Promise.resolve();
  });

  pairTest('shutdown is idempotent, and nothing can be sent after it', async (a, b) => {
    await Promise.all([a.transport.shutdown(), a.transport.shutdown()]);
    await a.transport.shutdown();
    const refusal = { code: 'ERR_MEMBERLIST_SHUTDOWN' };
    await assert.rejects(
      async () => a.transport.writeTo(Buffer.from('x'), { addr: b.addr }),
      refusal,
    );
    await assert.rejects(a.dial(b), refusal);
  });

  pairTest('shutdown breaks the open streams at both ends', async (a, b) => {
    const [near, far] = await a.connect(b);
    const reads = [failureOf(near.read()), failureOf(far.read())];
    await a.transport.shutdown();
    const [nearFailure] = await Promise.all(reads);
    assert.ok(nearFailure, 'a pending read rejects where the transport was shut down');
    await assert.rejects(near.read());
    await assert.rejects(near.write(Buffer.from('x')));
    near.close();
    far.close();
  });

  pairTest('shutdown ends pending dials', async (a, b) => {
    const dial = failureOf(a.dial(b));
    await a.transport.shutdown();
    assert.ok(await dial);
  });

  pairTest('nothing is delivered after shutdown has resolved', async (a, b) => {
    for (let i = 0; i < 50; i++) await a.transport.writeTo(Buffer.from('x'), { addr: b.addr });
    const dial = failureOf(a.dial(b));
    await b.transport.shutdown();
    const [packets, streams] = [b.packets.all.length, b.streams.all.length];
    await settle();
    await dial;
    assert.deepEqual([b.packets.all.length, b.streams.all.length], [packets, streams]);
  });

  pairTest(
    'what comes in before shutdown resolved is not delivered after shutdown was called',
    async (a, b) => {
      await a.transport.writeTo(Buffer.from('x'), { addr: b.addr });
      const shutdown = b.transport.shutdown();
      const count = b.packets.all.length;
      await shutdown;
      await settle();
      assert.equal(b.packets.all.length, count);
    },
  );
}
