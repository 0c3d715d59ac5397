/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { createBus } from 'node-memberlist/bus';
import { SimulatedCluster } from 'node-memberlist/testing';
import { Cache } from './cache.js';

test('a changed value is dropped by 20 nodes at 10 % loss, and everything after a gap', async () => {
  const caches = new Map<string, Cache<number>>();
  let version = 1;
  const cluster = await SimulatedCluster.create({
    ...{ size: 20, seed: 1, network: { loss: 0.1 } },
    config: (name) => {
      const bus = createBus({ grace: 1_000 });
      caches.set(name, new Cache(bus, () => Promise.resolve(version)));
      return { use: [bus] };
    },
  });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  const read = (): Promise<number[]> =>
    Promise.all([...caches.values()].map((cache) => cache.get('user:7')));
  assert.deepEqual(new Set(await read()), new Set([1]));
  version = 2;
  await cluster.during(caches.get('n7')?.invalidate('user:7') ?? assert.fail());
  const someHaveIt = (): boolean => [...caches.values()].some((cache) => cache.has('user:7'));
  await cluster.runUntil(() => !someHaveIt(), { timeout: 2_000 });
  assert.deepEqual(new Set(await read()), new Set([2]));
  // What the crashed node published last may be lost.
  cluster.crash('n7');
  caches.delete('n7');
  await cluster.runUntil(() => !someHaveIt());
  await cluster.close();
});

test('three processes in one print what they invalidate', () => {
  const main = new URL('main.ts', import.meta.url).pathname;
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', main], { encoding: 'utf8' });
  assert.match(stdout, /^c reads Ada\n/);
  for (const name of ['a', 'b', 'c']) {
    assert.ok(stdout.includes(`${name}: user:7 is stale, says a\n`), stdout);
  }
  assert.match(stdout, /c reads Grace\n$/);
});
