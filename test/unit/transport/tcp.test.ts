/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { suite, test } from 'node:test';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { NetTransport } from '../../../src/transport/net-transport.js';
import {
  Endpoint,
  failureOf,
  openHandles,
  pattern,
  readAll,
  settle,
} from '../../contract/endpoint.js';

suite('TCP streams', () => {
  test('a client that half-closed after its request still gets the answer', async () => {
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    const client = connect({ host: '127.0.0.1', port: transport.port });
    client.end('request');
    const stream = await endpoint.streams.next();
    assert.equal((await readAll(stream)).toString(), 'request');
    const answer = pattern(300_000);
    await stream.write(answer);
    stream.close();
    const chunks: Buffer[] = [];
    client.on('data', (chunk) => chunks.push(chunk));
    await once(client, 'close');
    assert.ok(Buffer.concat(chunks).equals(answer));
  });

  test('a server that half-closed at once can still be written to', async () => {
    const server = createServer({ allowHalfOpen: true }).listen({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const stream = await transport.dial({ addr: `127.0.0.1:${port}` }, { timeout: 5_000 });
    const [socket] = await accepted;
    socket.end();
    assert.equal(await stream.read(), null);
    await stream.write(Buffer.from('after your end'));
    stream.close();
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    assert.equal(chunk.toString(), 'after your end');
    server.close();
    assert.equal(endpoint.streams.all.length, 0);
  });

  test('an unread stream is not read from the kernel either', async () => {
    await using a = await Endpoint.start(new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 }));
    await using b = await Endpoint.start(new NetTransport({ bindAddr: '127.0.0.2', bindPort: 0 }));
    const [near, far] = await a.connect(b);
    const total = 64 * 2 ** 20;
    let isWritten = false;
    const written = near.write(Buffer.alloc(total)).then(() => (isWritten = true));
    await settle();
    assert.equal(isWritten, false, 'the kernel is full and the writer waits');
    let size = 0;
    while (size < total) size += (await far.read())!.length;
    await written;
  });

  test('a reset by the far end makes a pending read reject', async () => {
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    const client = connect({ host: '127.0.0.1', port: transport.port });
    const stream = await endpoint.streams.next();
    const read = failureOf(stream.read());
    client.resetAndDestroy();
    assert.equal(((await read) as NodeJS.ErrnoException).code, 'ECONNRESET');
    await assert.rejects(stream.write(Buffer.from('x')));
  });

  test('a far end that never closes holds a closed stream for the linger time only', async () => {
    const clock = new VirtualClock();
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0, clock });
    await using endpoint = await Endpoint.start(transport);
    const client = connect({ host: '127.0.0.1', port: transport.port, allowHalfOpen: true });
    client.resume();
    const stream = await endpoint.streams.next();
    const before = openHandles().length;
    await stream.write(Buffer.from('the last word'));
    stream.close();
    await once(client, 'end');
    await settle();
    assert.equal(openHandles().length, before, 'ours lingers');
    clock.advance(1_000);
    await settle();
    assert.equal(openHandles().length, before - 1, 'ours is gone');
    client.destroy();
  });

  test('a destroyed stream drops data that the far end has not read, also after close', async () => {
    for (const closesFirst of [false, true]) {
      const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
      await using endpoint = await Endpoint.start(transport);
      const client = connect({ host: '127.0.0.1', port: transport.port, allowHalfOpen: true });
      client.on('error', () => undefined);
      client.pause();
      const stream = await endpoint.streams.next();
      const before = openHandles().length;
      const written = failureOf(stream.write(Buffer.alloc(64 * 2 ** 20)));
      const read = closesFirst ? undefined : stream.read();
      await settle();
      if (closesFirst) stream.close();
      stream.destroy?.();
      stream.destroy?.();
      assert.ok((await written) instanceof Error);
      assert.equal((await read) ?? null, null);
      await settle();
      assert.equal(openHandles().length, before - 1);
      client.destroy();
    }
  });

  test('if too many closed streams wait for the far end, the oldest ones are destroyed', async () => {
    const clock = new VirtualClock();
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0, clock });
    await using endpoint = await Endpoint.start(transport);
    const most = Math.min(128, Math.ceil(transport.maxStreams / 8));
    const clients: Socket[] = [];
    const before = openHandles().length;
    for (let i = 0; i < most + 3; i++) {
      const client = connect({ host: '127.0.0.1', port: transport.port, allowHalfOpen: true });
      clients.push(client);
      const stream = await endpoint.streams.next();
      await stream.write(Buffer.from('the last word'));
      stream.close();
      client.on('error', () => undefined);
      client.resume();
      await once(client, 'end');
    }
    await settle();
    assert.equal(openHandles().length, before + clients.length + most);
    for (const client of clients) client.destroy();
  });

  test('a stream without written data ends as soon as it is closed', async () => {
    const clock = new VirtualClock();
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0, clock });
    await using endpoint = await Endpoint.start(transport);
    const client = connect({ host: '127.0.0.1', port: transport.port, allowHalfOpen: true });
    client.resume();
    const stream = await endpoint.streams.next();
    const before = openHandles().length;
    stream.close();
    await once(client, 'end');
    await settle();
    assert.equal(openHandles().length, before - 1);
    assert.equal(clock.pending, 0);
    client.destroy();
  });

  test('a far end that never reads holds a closed stream for a bounded time', async () => {
    const clock = new VirtualClock();
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0, clock });
    await using endpoint = await Endpoint.start(transport);
    const client = connect({ host: '127.0.0.1', port: transport.port, allowHalfOpen: true });
    client.pause();
    client.on('error', () => undefined);
    const stream = await endpoint.streams.next();
    const written = failureOf(stream.write(Buffer.alloc(64 * 2 ** 20)));
    stream.close();
    await settle();
    clock.advance(10_000);
    assert.ok(await written, 'the write that could not be finished rejects');
    assert.equal(clock.pending, 0);
    client.destroy();
  });

  test('a slow reader gets the whole answer although its request was left unread', async () => {
    const clock = new VirtualClock();
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0, clock });
    await using endpoint = await Endpoint.start(transport);
    const client = connect({ host: '127.0.0.1', port: transport.port, allowHalfOpen: true });
    client.pause();
    const requested = new Promise<void>((resolve) => {
      client.write(pattern(1_000_000), () => resolve());
    });
    const stream = await endpoint.streams.next();
    await stream.read();
    const answer = pattern(200_000);
    await stream.write(answer);
    await settle();
    stream.close();
    await requested;
    await settle();
    clock.advance(1_000);
    await settle();
    const chunks: Buffer[] = [];
    client.on('data', (chunk) => chunks.push(chunk)).resume();
    await once(client, 'end');
    assert.ok(Buffer.concat(chunks).equals(answer));
    client.destroy();
  });

  test('a dial that succeeded leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0, clock });
    await using endpoint = await Endpoint.start(transport);
    const [near, far] = await endpoint.connect(endpoint);
    assert.equal(clock.pending, 0);
    near.close();
    far.close();
    assert.deepEqual(await Promise.all([near.read(), far.read()]), [null, null]);
    await settle();
    assert.equal(clock.pending, 0, 'nor do streams that both ends closed');
  });

  test('a dial that takes too long rejects with ETIMEDOUT and leaves no socket', async () => {
    const clock = new VirtualClock();
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0, clock });
    await using endpoint = await Endpoint.start(transport);
    const before = openHandles();
    const dial = transport.dial({ addr: endpoint.addr }, { timeout: 250 });
    clock.advance(250);
    await assert.rejects(dial, { code: 'ETIMEDOUT', message: /timed out after 250 ms/ });
    await settle();
    for (const stream of endpoint.streams.all) stream.close();
    await settle();
    assert.deepEqual(openHandles(), before);
    assert.equal(clock.pending, 0);
  });

  test('an aborted dial leaves no socket and no listener behind', async () => {
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    const before = openHandles();
    const controller = new AbortController();
    const { signal } = controller;
    const dial = transport.dial({ addr: endpoint.addr }, { timeout: 5_000, signal });
    controller.abort();
    await assert.rejects(dial, { name: 'AbortError' });
    await settle();
    for (const stream of endpoint.streams.all) stream.close();
    await settle();
    assert.deepEqual(openHandles(), before);
  });

  test('shutdown leaves no socket open, whatever the streams were doing', async () => {
    const before = openHandles();
    const a = await Endpoint.start(new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 }));
    const b = await Endpoint.start(new NetTransport({ bindAddr: '127.0.0.2', bindPort: 0 }));
    const [near, far] = await a.connect(b);
    const written = failureOf(near.write(Buffer.alloc(64 * 2 ** 20)));
    const [idle] = await b.connect(a);
    const [closing] = await a.connect(b);
    closing.close();
    await Promise.all([a.transport.shutdown(), b.transport.shutdown()]);
    assert.ok(await written, 'a write under way rejects');
    await assert.rejects(idle.read(), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
    far.close();
    await settle();
    assert.deepEqual(openHandles(), before);
  });
});
