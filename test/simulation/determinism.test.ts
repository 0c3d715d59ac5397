/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Memberlist } from '../../src/index.js';
import { SimulatedCluster } from '../../src/testing/index.js';
import { replay, secretKey } from './replay.js';
import { joined } from './worlds.js';

const run = promisify(execFile);
const alwaysHalf = { next: () => 0.5 };

suite('the digest', () => {
  test('is the same for the same seed, with encryption on, and another one for another', async () => {
    const first = await replay(1);
    assert.match(first, /^[0-9a-f]{64}$/);
    assert.equal(await replay(1), first);
    assert.notEqual(await replay(2), first);
  });

  test('is the same for the same seed without encryption, where every byte counts', async () => {
    const first = await replay(1, false);
    assert.equal(await replay(1, false), first);
    assert.notEqual(await replay(2, false), first);
    assert.notEqual(await replay(1, true), first);
  });

  test('is the same in another process', async () => {
    const file = fileURLToPath(new URL('replay.ts', import.meta.url));
    const child = run(process.execPath, ['--import', 'tsx', file, '5']);
    const [{ stdout }, here] = await Promise.all([child, replay(5)]);
    assert.equal(stdout, here);
  });

  test('is the same for clusters that run at the same time as for each alone', async () => {
    const alone = [await replay(11), await replay(12), await replay(13, false)];
    const together = await Promise.all([replay(11), replay(12), replay(13, false)]);
    assert.deepEqual(together, alone);
  });

  test('is the same when somebody outside of an encrypted cluster sends encrypted packets and streams', async () => {
    const digestOf = async (payload: string): Promise<string> => {
      await using cluster = await joined({ size: 2, seed: 8, config: { secretKey } });
      const { network, clock } = cluster;
      const stranger = network.transport('stranger');
      const list = await cluster.during(
        Memberlist.create({ name: 'x', transport: stranger, clock, secretKey, random: alwaysHalf }),
      );
      const { localNode } = cluster.node('n1');
      await list.sendToAddress({ addr: localNode.address }, Buffer.from(payload));
      await cluster.during(list.ping('n1', localNode.address));
      await cluster.during(list.shutdown());
      return cluster.digest();
    };
    const first = await digestOf('same');
    assert.equal(await digestOf('same'), first);
    assert.equal(await digestOf('else'), first, 'of what is encrypted only the length counts');
    assert.notEqual(await digestOf('longer'), first);
  });

  test('is the same whether time passes in one run or in many', async () => {
    const digestOf = async (stepMs: number): Promise<string> => {
      const cluster = await joined({ size: 6, seed: 3, config: { secretKey } });
      for (let ms = 0; ms < 10_000; ms += stepMs) await cluster.run(stepMs);
      const digest = cluster.digest();
      await cluster.close();
      return digest;
    };
    assert.equal(await digestOf(10_000), await digestOf(100));
  });

  test('asking for it, and for anything else, changes nothing', async () => {
    const digestOf = async (curious: boolean): Promise<string> => {
      const cluster = await joined({ size: 6, seed: 4 });
      for (let i = 0; i < 50; i++) {
        await cluster.run(100);
        if (!curious) continue;
        cluster.digest();
        cluster.stats();
        cluster.trace();
        cluster.converged();
        cluster.node('n1').members();
      }
      const digest = cluster.digest();
      await cluster.close();
      return digest;
    };
    assert.equal(await digestOf(true), await digestOf(false));
  });

  test('tells runs apart that differ in one event or one byte', async () => {
    const digestOf = async (meta: string, crash: boolean): Promise<string> => {
      const config = { delegate: { nodeMeta: () => Buffer.from(meta) } };
      const cluster = await SimulatedCluster.create({ size: 3, seed: 5, config });
      await cluster.joinAll();
      await cluster.run(1_000);
      if (crash) cluster.crash('n1');
      const digest = cluster.digest();
      await cluster.close();
      return digest;
    };
    const first = await digestOf('a', false);
    assert.equal(await digestOf('a', false), first);
    assert.notEqual(await digestOf('b', false), first);
    assert.notEqual(await digestOf('a', true), first);
  });

  test('one kind of fault more does not change what becomes of another', async () => {
    // The first second, before the faults bring about other packets than there would be.
    const lostWith = async (duplication: number): Promise<number[]> => {
      const cluster = await SimulatedCluster.create({
        size: 2,
        seed: 6,
        config: { probeInterval: 0, gossipInterval: 0, pushPullInterval: 0 },
        network: { loss: 0.5, duplication, latency: { min: 1, max: 9 } },
      });
      const came = new Set<number>();
      cluster.node('n1').on('message', (payload) => came.add(Number(payload.toString())));
      for (let i = 0; i < 200; i++) {
        const message = Buffer.from(String(i));
        await cluster
          .node('n0')
          .sendToAddress({ addr: cluster.node('n1').localNode.address }, message);
      }
      await cluster.run(1_000);
      await cluster.close();
      return [...came].sort((a, b) => a - b);
    };
    const without = await lostWith(0);
    assert.ok(without.length > 60 && without.length < 140);
    assert.deepEqual(await lostWith(0.9), without);
  });
});
