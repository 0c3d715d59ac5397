/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import dgram, { type Socket as UdpSocket } from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, suite, test } from 'node:test';
import { ConfigError } from '../../../src/errors.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { NetTransport } from '../../../src/transport/net-transport.js';
import { Endpoint, failureOf, openHandles, settle } from '../../contract/endpoint.js';

/** Collects the UDP sockets that are created from now on. */
function spyOnUdp(context: TestContext): UdpSocket[] {
  const made: UdpSocket[] = [];
  const { createSocket } = dgram;
  context.mock.method(dgram, 'createSocket', (options: dgram.SocketOptions) => {
    const socket = createSocket(options);
    made.push(socket);
    return socket;
  });
  syncBuiltinESMExports();
  context.after(() => {
    context.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return made;
}

suite('NetTransport: binding', () => {
  test('port 0 gives the same port for UDP and TCP', async () => {
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    const { port } = transport;
    assert.ok(port > 0);
    assert.equal(endpoint.addr, `127.0.0.1:${port}`);

    const tcp = createServer().listen({ host: '127.0.0.1', port });
    const [tcpError] = (await once(tcp, 'error')) as [NodeJS.ErrnoException];
    assert.equal(tcpError.code, 'EADDRINUSE');
    const udp = dgram.createSocket('udp4');
    udp.bind(port, '127.0.0.1');
    const [udpError] = (await once(udp, 'error')) as [NodeJS.ErrnoException];
    assert.equal(udpError.code, 'EADDRINUSE');
    udp.close();
  });

  test('several addresses are bound on one port, and the first is advertised', async () => {
    const bindAddr = ['127.0.0.2', '127.0.0.3', '::1'];
    await using many = await Endpoint.start(new NetTransport({ bindAddr, bindPort: 0 }));
    await using v4 = await Endpoint.start(new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 }));
    await using v6 = await Endpoint.start(new NetTransport({ bindAddr: '::1', bindPort: 0 }));
    const { addr, port } = many.transport.finalAdvertiseAddr(undefined, undefined);
    assert.equal(addr, '127.0.0.2');
    for (const target of [`127.0.0.2:${port}`, `127.0.0.3:${port}`]) {
      await v4.transport.writeTo(Buffer.from(target), { addr: target });
      const packet = await many.packets.next();
      assert.equal(packet.data.toString(), target);
      const stream = await v4.transport.dial({ addr: target }, { timeout: 5_000 });
      stream.close();
      (await many.streams.next()).close();
    }
    // Each family uses its first socket.
    await many.transport.writeTo(Buffer.from('x'), { addr: v4.addr });
    assert.equal((await v4.packets.next()).from.addr, `127.0.0.2:${port}`);
    await many.transport.writeTo(Buffer.from('x'), { addr: v6.addr });
    assert.equal((await v6.packets.next()).from.addr, `[::1]:${port}`);
  });

  test('of several addresses, the one that other hosts can reach is advertised by default', async () => {
    const bindAddr = ['127.0.0.1', '127.0.0.2'];
    await using endpoint = await Endpoint.start(new NetTransport({ bindAddr, bindPort: 0 }));
    const advertised = (addr?: string): string =>
      endpoint.transport.finalAdvertiseAddr(addr, undefined).addr;
    assert.equal(advertised(), '127.0.0.1');
    assert.equal(advertised('127.0.0.2'), '127.0.0.2');
    assert.throws(() => advertised('192.0.2.1'), ConfigError, 'nothing that is bound leads there');
  });

  test('with several loopback addresses, none is used to send to another host', async () => {
    const bindAddr = ['127.0.0.1', '127.0.0.2'];
    await using endpoint = await Endpoint.start(new NetTransport({ bindAddr, bindPort: 0 }));
    await assert.rejects(
      Promise.resolve(endpoint.transport.writeTo(Buffer.from('x'), { addr: '192.0.2.1:7946' })),
      { code: 'EADDRNOTAVAIL', message: /only loopback addresses are bound for IPv4/ },
    );
  });

  test('recognizes its own addresses, and those of this machine', async () => {
    const any = new NetTransport({ bindAddr: '0.0.0.0', bindPort: 0 });
    await using endpoint = await Endpoint.start(any);
    const { port } = any;
    for (const ip of ['127.0.0.1', '127.0.1.1', '127.9.9.9']) {
      assert.ok(any.isOwn(`${ip}:${port}`));
      assert.ok(any.isLocal(ip));
    }
    for (const addr of [`127.0.0.1:${port + 1}`, `[::1]:${port}`, `198.51.100.1:${port}`, 'x']) {
      assert.equal(any.isOwn(addr), false, addr);
    }
    assert.equal(any.isLocal('198.51.100.1'), false);
    const one = new NetTransport({ bindAddr: '127.0.0.2', bindPort: 0 });
    await using second = await Endpoint.start(one);
    assert.ok(one.isOwn(`127.0.0.2:${one.port}`));
    assert.equal(one.isOwn(`127.0.0.1:${one.port}`), false, 'no socket listens there');
    assert.ok(endpoint.addr !== second.addr);
  });

  test('0.0.0.0 and :: can be bound together', async () => {
    const bindAddr = ['0.0.0.0', '::'];
    const transport = new NetTransport({ bindAddr, bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    for (const addr of [`127.0.0.1:${transport.port}`, `[::1]:${transport.port}`]) {
      await transport.writeTo(Buffer.from('x'), { addr });
      assert.equal((await endpoint.packets.next()).from.addr, addr);
    }
  });

  for (const taken of ['TCP', 'UDP'] as const) {
    test(`a ${taken} port in use rejects with its address and leaves nothing open`, async () => {
      const before = openHandles();
      const port = await takePort(taken, '127.0.0.2');
      const during = openHandles();
      try {
        const bindAddr = ['127.0.0.1', '127.0.0.2'];
        const transport = new NetTransport({ bindAddr, bindPort: port.number });
        const failure = await failureOf(Endpoint.start(transport));
        assert.ok(failure);
        assert.equal((failure as NodeJS.ErrnoException).code, 'EADDRINUSE');
        assert.match(
          failure.message,
          new RegExp(`^cannot bind ${taken} 127.0.0.2:${port.number}: `),
        );
        assert.ok(failure.cause instanceof Error);
        await settle();
        assert.deepEqual(openHandles(), during);
        await transport.shutdown();
      } finally {
        await port.release();
      }
      await settle();
      assert.deepEqual(openHandles(), before);
    });
  }

  test('an address of another machine rejects at once and leaves nothing open', async () => {
    const before = openHandles();
    const transport = new NetTransport({ bindAddr: ['127.0.0.1', '198.51.100.1'], bindPort: 0 });
    await assert.rejects(Endpoint.start(transport), { code: 'EADDRNOTAVAIL' });
    await settle();
    assert.deepEqual(openHandles(), before);
  });

  test('port 0 tries again, up to ten times, when UDP does not get the port of TCP', async (t) => {
    const before = openHandles();
    let binds = 0;
    t.mock.method(dgram.Socket.prototype, 'bind', function (this: UdpSocket) {
      binds++;
      const error = Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE' });
      this.emit('error', error);
      return this;
    });
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await assert.rejects(Endpoint.start(transport), { code: 'EADDRINUSE' });
    assert.equal(binds, 10);
    await settle();
    assert.deepEqual(openHandles(), before);
  });

  test('a shutdown during the start makes it reject and leaves nothing open', async () => {
    const before = openHandles();
    const transport = new NetTransport({ bindAddr: ['127.0.0.1', '127.0.0.2'], bindPort: 0 });
    const start = failureOf(Endpoint.start(transport));
    await transport.shutdown();
    assert.equal(((await start) as NodeJS.ErrnoException).code, 'ERR_MEMBERLIST_SHUTDOWN');
    await settle();
    assert.deepEqual(openHandles(), before);
  });

  test('an invalid IP or port is a ConfigError', () => {
    for (const bindAddr of ['localhost', '', '127.0.0.1:7946', []]) {
      assert.throws(() => new NetTransport({ bindAddr }), ConfigError);
    }
    for (const bindPort of [-1, 65_536, 1.5, NaN]) {
      assert.throws(() => new NetTransport({ bindPort }), ConfigError);
    }
  });

  test('the port is unknown before the start', () => {
    assert.throws(() => new NetTransport().port, /not been started/);
  });
});

async function takePort(
  protocol: 'TCP' | 'UDP',
  address: string,
): Promise<{ number: number; release: () => Promise<unknown> }> {
  if (protocol === 'TCP') {
    const server = createServer().listen({ host: address, port: 0 });
    await once(server, 'listening');
    const { port: number } = server.address() as AddressInfo;
    return { number, release: () => once(server.close(), 'close') };
  }
  const socket = dgram.createSocket('udp4').bind({ address, port: 0 });
  await once(socket, 'listening');
  return { number: socket.address().port, release: () => once(socket.close(), 'close') };
}

suite('NetTransport: packets', () => {
  test(':: is dual-stack, with plain IPv4 addresses', async () => {
    const dual = new NetTransport({ bindAddr: '::', bindPort: 0 });
    await using endpoint = await Endpoint.start(dual);
    await using v4 = await Endpoint.start(new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 }));
    await using v6 = await Endpoint.start(new NetTransport({ bindAddr: '::1', bindPort: 0 }));
    for (const [peer, host] of [
      [v4, '127.0.0.1'],
      [v6, '[::1]'],
    ] as const) {
      const addr = `${host}:${dual.port}`;
      await peer.transport.writeTo(Buffer.from('ping'), { addr });
      const { from } = await endpoint.packets.next();
      assert.equal(from.addr, peer.addr);
      await dual.writeTo(Buffer.from('pong'), from);
      assert.equal((await peer.packets.next()).from.addr, addr);

      const near = await peer.transport.dial({ addr }, { timeout: 5_000 });
      const far = await endpoint.streams.next();
      assert.ok(far.remoteAddress.startsWith(`${host}:`));
      near.close();
      far.close();
      (await dual.dial({ addr: peer.addr }, { timeout: 5_000 })).close();
    }
  });

  test('an IPv4 destination mapped into IPv6 is reached from an IPv4 socket', async () => {
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    await transport.writeTo(Buffer.from('x'), { addr: `[::ffff:127.0.0.1]:${transport.port}` });
    assert.equal((await endpoint.packets.next()).from.addr, endpoint.addr);
  });

  test('sending to a family that is not bound rejects', async () => {
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    const sent = transport.writeTo(Buffer.from('x'), { addr: '[::1]:7946' });
    await assert.rejects(sent, { code: 'EAFNOSUPPORT' });
    assert.equal(endpoint.packets.all.length, 0);
  });

  test('neither sending nor dialing causes a name lookup', async (t) => {
    const lookup = t.mock.method(dns, 'lookup');
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    for (const bindAddr of ['127.0.0.1', '::1']) {
      await using endpoint = await Endpoint.start(new NetTransport({ bindAddr, bindPort: 0 }));
      lookup.mock.resetCalls();
      for (let i = 0; i < 3; i++) {
        await endpoint.transport.writeTo(Buffer.from('x'), { addr: endpoint.addr });
        await endpoint.packets.next();
      }
      (await endpoint.dial(endpoint)).close();
      assert.equal(lookup.mock.callCount(), 0);
    }
  });

  test('more destinations than the cache holds are all reached', async () => {
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(transport);
    for (let i = 0; i < 5_000; i++) {
      const addr = `127.1.${i >> 8}.${i & 0xff}:9`;
      await transport.writeTo(Buffer.from('x'), { addr });
    }
    await transport.writeTo(Buffer.from('x'), { addr: endpoint.addr });
    await endpoint.packets.next();
  });

  test('an error of a bound socket does no harm', async (t) => {
    const sockets = spyOnUdp(t);
    await using endpoint = await Endpoint.start(
      new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 }),
    );
    assert.equal(sockets.length, 1);
    sockets[0]!.emit('error', new Error('recvmsg EIO'));
    await endpoint.transport.writeTo(Buffer.from('x'), { addr: endpoint.addr });
    await endpoint.packets.next();
  });

  test('the receive buffer is halved until the system accepts it, and a refusal is not a failure', async (t) => {
    const asked: number[] = [];
    t.mock.method(dgram.Socket.prototype, 'setRecvBufferSize', (bytes: number) => {
      asked.push(bytes);
      throw new Error('ENOBUFS');
    });
    await using endpoint = await Endpoint.start(
      new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 }),
    );
    assert.ok(endpoint.addr);
    assert.deepEqual(asked.slice(0, 3), [4 * 2 ** 20, 2 * 2 ** 20, 2 ** 20]);
  });

  test('packets have receive times of the configured clock', async () => {
    const clock = new VirtualClock({ now: 1234 });
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0, clock });
    await using endpoint = await Endpoint.start(transport);
    await transport.writeTo(Buffer.from('x'), { addr: endpoint.addr });
    assert.equal((await endpoint.packets.next()).receivedAt, 1234);
  });
});

suite('NetTransport: handlers that throw', () => {
  test('are passed to internalError; the stream is closed, and later data is delivered', async () => {
    const bug = new TypeError('a bug');
    const errors: unknown[] = [];
    let isBroken = true;
    const came: string[] = [];
    const { promise: delivered, resolve: finish } = outside();
    const note = (what: string): void => {
      if (isBroken) throw bug;
      came.push(what);
      if (came.length === 2) finish();
    };
    const { promise: failedTwice, resolve: haveFailed } = outside();
    const transport = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await transport.start({
      packet: () => note('packet'),
      stream: (connection) => {
        note('stream');
        connection.close();
      },
      internalError: (error) => {
        if (errors.push(error) === 2) haveFailed();
      },
    });
    const addr = `127.0.0.1:${transport.port}`;
    const dialer = new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 });
    await using endpoint = await Endpoint.start(dialer);
    try {
      await dialer.writeTo(Buffer.from('x'), { addr });
      const stream = await dialer.dial({ addr }, { timeout: 5_000 });
      assert.equal(await stream.read().catch(() => null), null, 'it was closed');
      await failedTwice;
      assert.deepEqual(errors, [bug, bug]);
      isBroken = false;
      await dialer.writeTo(Buffer.from('x'), { addr });
      (await dialer.dial({ addr }, { timeout: 5_000 })).close();
      await delivered;
      assert.deepEqual(came.sort(), ['packet', 'stream']);
      assert.equal(endpoint.packets.all.length, 0);
    } finally {
      await transport.shutdown();
    }
  });
});

/** A promise that is resolved from outside. */
function outside(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
