/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { LinkOptions, SimulatedCluster } from '../../src/testing/index.js';
import { end, joined, record, told } from './worlds.js';

/** A crash, a leave and an update under these faults; everybody gets to know all three. */
async function live(seed: number, network: LinkOptions): Promise<SimulatedCluster> {
  let meta = 'before';
  const config = (name: string): object => ({
    delegate: name === 'n2' ? { nodeMeta: () => Buffer.from(meta) } : {},
  });
  const cluster = await joined({ size: 12, seed, network, config });
  const seen = record(cluster);
  meta = 'after';
  await cluster.during(cluster.node('n2').updateNode());
  cluster.crash('n5');
  await cluster.leave('n7', { timeout: 30_000 });
  const knows = (name: string): boolean => {
    const list = cluster.node(name);
    const gone = [list.member('n5')?.state, list.member('n7')?.state];
    return (
      list.member('n2')?.meta.toString() === 'after' &&
      gone.every((state) => state === undefined || state === 'dead' || state === 'left')
    );
  };
  await cluster.runUntil(() => cluster.names().every(knows), { timeout: 180_000 });
  cluster.network.change({ loss: 0, duplication: 0, reordering: 0, streamBreaks: 0 });
  await cluster.runUntil(() => cluster.converged(), { timeout: 60_000 });
  assert.deepEqual(
    told(seen, 'leave').filter((text) => text.endsWith('n7 failed')),
    [],
    'who left is never called failed',
  );
  return cluster;
}

const faults: Record<string, LinkOptions> = {
  'a loss of 30 %': { loss: 0.3 },
  'every packet doubled': { duplication: 1 },
  'half of all packets held back': { reordering: 0.5 },
  'a third of all streams breaking half-way': { streamBreaks: 0.33 },
  'a long tail of delays': { latency: { median: 5, max: 900 } },
  'little bandwidth': { bandwidth: 20_000 },
  'all of it at once': {
    loss: 0.1,
    duplication: 0.2,
    reordering: 0.2,
    streamBreaks: 0.1,
    latency: { median: 2, max: 300 },
    bandwidth: 100_000,
  },
};

suite('simulated faults', () => {
  for (const [i, [name, network]] of Object.entries(faults).entries()) {
    test(`a cluster does its work with ${name}`, async () => {
      const cluster = await live(20 + i, network);
      await end(cluster);
    });
  }

  test('a link that is down one way only is told from a crash by the others', async () => {
    const cluster = await joined({ size: 8, seed: 30 });
    const seen = record(cluster);
    cluster.link('n0', 'n1', { down: true });
    cluster.link('n1', 'n0', { down: true });
    await cluster.run(120_000);
    assert.deepEqual(told(seen, 'leave'), []);
    cluster.heal();
    await cluster.runUntil(() => cluster.converged());
    await end(cluster);
  });

  test('a slow link makes round trips long, in its own direction alone', async () => {
    const rtts: number[] = [];
    const config = (name: string): object => ({
      ping:
        name === 'n0'
          ? { notifyPingComplete: (_: unknown, rtt: number) => void rtts.push(Math.round(rtt)) }
          : {},
    });
    const cluster = await joined({ size: 2, network: { latency: 1 }, config });
    await cluster.run(5_000);
    cluster.link('n1', 'n0', { latency: 100 });
    await cluster.run(2_000);
    rtts.length = 0;
    await cluster.run(5_000);
    assert.deepEqual([...new Set(rtts)], [101]);
    cluster.heal();
    await cluster.run(2_000);
    assert.equal(rtts.at(-1), 101, 'how long a link is does not heal');
    await end(cluster);
  });

  test('a datagram that UDP would not carry is refused', async () => {
    const cluster = await joined({ size: 2, config: { udpBufferSize: 65_507 } });
    const n1 = cluster.node('n0').member('n1')!;
    await cluster.node('n0').sendBestEffort(n1, Buffer.alloc(65_400));
    const { transport } = cluster.node('n0').config;
    const size = Buffer.alloc(65_508);
    await assert.rejects(async () => transport?.writeTo(size, { addr: n1.address }), {
      code: 'EMSGSIZE',
    });
    await end(cluster);
  });

  test('streams that break are reported and nothing is left of them', async () => {
    const cluster = await joined({ size: 2, network: { latency: 10 } });
    const n1 = cluster.node('n0').member('n1')!;
    const sent = cluster.node('n0').sendReliable(n1, Buffer.alloc(1_000_000));
    cluster.network.change({ streamBreaks: 1 });
    await cluster.run(25);
    cluster.breakStreams('n0');
    await cluster.run(1_000);
    await sent;
    const failing = cluster.node('n0').sendReliable(n1, Buffer.alloc(1_000_000));
    await cluster.during(failing.catch(() => undefined));
    await cluster.run(60_000);
    assert.ok(cluster.converged());
    await end(cluster);
  });
});
