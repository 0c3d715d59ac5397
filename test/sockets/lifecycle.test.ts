/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A Memberlist that was shut down leaves no socket, no timer and no memory behind, and nothing that keeps the
// process alive.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  ConfigError,
  Memberlist,
  type MemberlistConfig,
  MessageTooLargeError,
  lanConfig,
} from '../../src/index.js';

const MiB = 2 ** 20;
const lives = 200;
const settledAfter = 50;

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

const loopback: MemberlistConfig = { ...lanConfig(), bindAddr: '127.0.0.1', bindPort: 0 };

/** Sockets, lookups and timers of this process, without those of the test runner. */
function open(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|UDP|Connect|GetAddrInfo|Timeout/.test(name))
    .sort();
}

/** Two turns: the system's handles close slightly after their sockets. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Memory {
  readonly heap: number;
  readonly rss: number;
}

async function memory(): Promise<Memory> {
  for (let round = 0; round < 4; round++) {
    collectGarbage();
    await turns();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

/** Creates a node, joins, sends a message, leaves, and shuts down. */
async function live(host: Memberlist, life: number): Promise<void> {
  const list = await Memberlist.create({
    ...loopback,
    name: `guest ${life % 10}`,
    gossipInterval: 5,
    probeInterval: 20,
    probeTimeout: 10,
  });
  await list.join([host.localNode.address]);
  await list.sendBestEffort(host.localNode, Buffer.from('packet'));
  await list.sendReliable(host.localNode, Buffer.alloc(10_000, 'stream'));
  const events = list.events();
  await list.leave();
  await list.shutdown();
  assert.equal((await events.next()).done, true);
}

void describe('a Memberlist that was shut down', () => {
  void it(`leaves no handle and no memory behind, ${lives} times`, async (t) => {
    const before = open();
    const host = await Memberlist.create({
      ...loopback,
      name: 'host',
      gossipInterval: 5,
      gossipToTheDeadTime: 50,
      probeInterval: 20,
      probeTimeout: 10,
    });
    const withHost = open();
    assert.notDeepEqual(withHost, before);
    let settled: Memory | undefined;
    for (let life = 1; life <= lives; life++) {
      await live(host, life);
      if (life === settledAfter) settled = await memory();
    }
    assert.ok(settled);
    const after = await memory();
    const grown = { heap: after.heap - settled.heap, rss: after.rss - settled.rss };
    t.diagnostic(
      `from life ${settledAfter} to life ${lives}: heap ${(grown.heap / MiB).toFixed(2)} MiB, ` +
        `RSS ${(grown.rss / MiB).toFixed(2)} MiB more`,
    );
    await host.shutdown();
    await turns();
    assert.deepEqual(open(), before);
    // A node takes some 50 kB. The growth here is compiled code and a bounded cache of addresses; the number
    // of system pages varies more.
    assert.ok(grown.heap < 2 * MiB, `the heap grew by ${grown.heap} bytes`);
    assert.ok(grown.rss < 48 * MiB, `the process grew by ${grown.rss} bytes`);
  });

  void it('lets its process exit by itself, also one that never left', async () => {
    const program = `
      import { Memberlist } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url))};
      const config = { bindAddr: '127.0.0.1', bindPort: 0 };
      const a = await Memberlist.create({ ...config, name: 'a' });
      const b = await Memberlist.create({ ...config, name: 'b' });
      await b.join([a.localNode.address]);
      const waiting = b.ping('no-member', '127.0.0.1:9').catch(() => undefined);
      await Promise.all([a.shutdown(), b.shutdown(), waiting]);
      process.stdout.write('shut down');
    `;
    const options = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
    let shutDownAt = NaN;
    child.stdout.once('data', () => (shutDownAt = performance.now()));
    const stuck = setTimeout(() => child.kill('SIGKILL'), 30_000);
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    clearTimeout(stuck);
    assert.deepEqual([code, signal], [0, null]);
    const tookMs = performance.now() - shutDownAt;
    assert.ok(tookMs < 3_000, `it took ${tookMs} ms to exit`);
  });
});

void describe('a create that fails', () => {
  /** The error of the rejection; asserts that no additional handle is open. */
  async function failure(config: MemberlistConfig): Promise<unknown> {
    const before = open();
    try {
      await Memberlist.create({ ...loopback, ...config });
    } catch (error) {
      await turns();
      assert.deepEqual(open(), before);
      return error;
    }
    assert.fail('it did not reject');
  }

  void it('leaves no socket when TCP has the port already', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port: bindPort } = server.address() as AddressInfo;
    const error = await failure({ bindPort }).finally(() => server.close());
    assert.equal((error as NodeJS.ErrnoException).code, 'EADDRINUSE');
    await turns();
    await (await Memberlist.create({ ...loopback, bindPort })).shutdown();
  });

  void it('leaves no socket when UDP has the port already', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port: bindPort } = socket.address();
    const error = await failure({ bindPort }).finally(() => socket.close());
    assert.equal((error as NodeJS.ErrnoException).code, 'EADDRINUSE');
    await turns();
    await (await Memberlist.create({ ...loopback, bindPort })).shutdown();
  });

  void it('leaves no socket when another Memberlist has the port', async () => {
    await using first = await Memberlist.create(loopback);
    const error = await failure({ bindPort: first.localNode.port });
    assert.equal((error as NodeJS.ErrnoException).code, 'EADDRINUSE');
    assert.equal(first.numMembers, 1);
  });

  void it('leaves no socket when one of several addresses cannot be bound', async () => {
    const error = await failure({ bindAddr: ['127.0.0.1', '192.0.2.1'] });
    assert.equal((error as NodeJS.ErrnoException).code, 'EADDRNOTAVAIL');
  });

  void it('leaves no socket when the configuration is wrong', async () => {
    assert.ok((await failure({ probeInterval: -1 })) instanceof ConfigError);
  });

  void it('leaves no socket when the metadata is too large, or throws', async () => {
    const large = { nodeMeta: () => Buffer.alloc(513) };
    assert.ok((await failure({ delegate: large })) instanceof MessageTooLargeError);
    const broken = new Error('no metadata');
    const nodeMeta = (): Buffer => {
      throw broken;
    };
    assert.equal(await failure({ delegate: { nodeMeta } }), broken);
  });
});
