/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Create, join, leave, shutdown, again and again: no handle is left open, and memory does not grow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ConfigError, localConfig, Memberlist } from '../../src/index.js';

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Sockets and timers that are open; what the test runner itself holds is taken off. */
function openHandles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => /UDP|TCP|Timeout|GetAddrInfo/i.test(kind))
    .sort();
}

async function settled(): Promise<string[]> {
  for (let n = 0; n < 3; n++) await turn();
  return openHandles();
}

test('200 lives leave nothing behind', { timeout: 120_000 }, async (t) => {
  const config = { ...localConfig(), bindAddr: '127.0.0.1', bindPort: 0, gossipInterval: 5 };
  const seed = await Memberlist.create({ ...config, name: 'seed' });
  const before = await settled();
  const heaps: number[] = [];
  for (let life = 1; life <= 200; life++) {
    const list = await Memberlist.create({ ...config, name: 'visitor' });
    await list.join([seed.localNode.address]);
    assert.equal(list.numMembers, 2);
    await list.leave();
    await list.shutdown();
    if (life % 50 === 0) {
      collectGarbage();
      heaps.push(process.memoryUsage().heapUsed);
    }
  }
  const [early, , , late] = heaps as [number, number, number, number];
  t.diagnostic(
    `heap after each 50 lives: ${heaps.map((bytes) => (bytes / 1e6).toFixed(1)).join()} MB`,
  );
  assert.ok(late - early < 2_000_000, `${late - early} bytes more after 150 lives`);
  assert.deepEqual(await settled(), before);
  await seed.shutdown();
  assert.ok((await settled()).length < before.length);
});

test('a create that fails leaves no socket', async () => {
  const before = await settled();
  const thief = createSocket('udp4').bind(0, '127.0.0.1');
  await once(thief, 'listening');
  const { port: bindPort } = thief.address();
  const taken = Memberlist.create({ name: 'a', bindAddr: '127.0.0.1', bindPort });
  await assert.rejects(taken, { code: 'EADDRINUSE' });
  thief.close();
  await once(thief, 'close');
  await assert.rejects(Memberlist.create({ probeInterval: -1 }), ConfigError);
  const tooLarge = Memberlist.create({
    bindAddr: '127.0.0.1',
    bindPort: 0,
    delegate: { nodeMeta: () => Buffer.alloc(513) },
  });
  await assert.rejects(tooLarge, { code: 'ERR_MEMBERLIST_MESSAGE_TOO_LARGE' });
  assert.deepEqual(await settled(), before);
});

test('a process whose node is shut down ends by itself', { timeout: 20_000 }, async () => {
  const index = new URL('../../src/index.ts', import.meta.url).href;
  const script = `
    const { Memberlist } = await import('${index}');
    const make = (name) => Memberlist.create({ name, bindAddr: '127.0.0.1', bindPort: 0 });
    const [a, b] = [await make('a'), await make('b')];
    await b.join([a.localNode.address]);
    await Promise.all([a.shutdown(), b.shutdown()]);
  `;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
