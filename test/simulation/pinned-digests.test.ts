/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Digests of ten simulations without extensions, recorded in this file. A digest covers every packet, event and
// stream with its time, so a change to the code that must not change behaviour leaves all ten as they are. A change
// that is meant to change behaviour records new ones and says in its commit message why.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SimulatedCluster, type SimulatedClusterOptions } from '../../src/testing/index.js';
import { replay } from './replay.js';

type Scenario = (cluster: SimulatedCluster) => Promise<void> | void;

async function digestOf(options: SimulatedClusterOptions, scenario: Scenario): Promise<string> {
  const cluster = await SimulatedCluster.create(options);
  await cluster.joinAll();
  await scenario(cluster);
  const digest = cluster.digest();
  await cluster.close();
  return digest.slice(0, 16);
}

const groups = [
  ['n0', 'n1', 'n2', 'n3'],
  ['n4', 'n5', 'n6', 'n7'],
];

const scenarios: Record<string, () => Promise<string>> = {
  'a quiet cluster': () => digestOf({ size: 10, seed: 1 }, (cluster) => cluster.run(30_000)),
  'every kind of fault, encrypted': async () => (await replay(1)).slice(0, 16),
  'every kind of fault, in plaintext': async () => (await replay(2, false)).slice(0, 16),
  'a crash and a restart': () =>
    digestOf({ size: 8, seed: 2 }, async (cluster) => {
      cluster.crash('n3', { silent: true });
      await cluster.run(30_000);
      await cluster.restart('n3');
      await cluster.run(10_000);
    }),
  'a partition that heals': () =>
    digestOf({ size: 8, seed: 3 }, async (cluster) => {
      cluster.partition(groups);
      await cluster.run(120_000);
      cluster.heal();
      await cluster.run(120_000);
    }),
  'packet loss of 20 %': () =>
    digestOf({ size: 12, seed: 4, network: { loss: 0.2 } }, (cluster) => cluster.run(60_000)),
  'nodes that leave and come back': () =>
    digestOf({ size: 6, seed: 5 }, async (cluster) => {
      await cluster.leave('n2');
      await cluster.run(5_000);
      await cluster.restart('n2');
      await cluster.run(5_000);
    }),
  'stalled event loops': () =>
    digestOf({ size: 8, seed: 6 }, async (cluster) => {
      cluster.freeze('n1', 5_000);
      cluster.jump('n2', 8_000);
      await cluster.run(30_000);
    }),
  'metadata and user messages': () =>
    digestOf(
      {
        size: 5,
        seed: 7,
        config: (name) => ({
          label: 'pinned',
          delegate: { nodeMeta: () => Buffer.from(`of ${name}`) },
        }),
      },
      async (cluster) => {
        cluster.node('n0').broadcast(Buffer.from('to all'));
        const to = cluster.node('n0').member('n1') ?? assert.fail();
        await cluster.during(cluster.node('n0').sendReliable(to, Buffer.alloc(100_000, 1)));
        await cluster.during(cluster.node('n2').setMeta({ role: 'web' }));
        await cluster.run(10_000);
      },
    ),
  'a hundred nodes': () => digestOf({ size: 100, seed: 8 }, (cluster) => cluster.run(5_000)),
};

const pinned: Record<string, string> = {
  'a quiet cluster': 'd422c56fdf1eb11d',
  'every kind of fault, encrypted': 'ac7cb8db5d43ba99',
  'every kind of fault, in plaintext': '6df4cdd11a06e78d',
  'a crash and a restart': '882122d85860d0a1',
  'a partition that heals': '95180ba8a1c47364',
  'packet loss of 20 %': 'bba1a78641cc61bf',
  'nodes that leave and come back': '6831966137f43089',
  'stalled event loops': 'c3cf6af94eacf741',
  'metadata and user messages': '0eddaa91684a4e30',
  'a hundred nodes': '12b884d8a08668d1',
};

suite('the digest of a simulation without extensions is the recorded one:', () => {
  for (const [name, digest] of Object.entries(scenarios)) {
    test(name, async () => assert.equal(await digest(), pinned[name]));
  }
});
