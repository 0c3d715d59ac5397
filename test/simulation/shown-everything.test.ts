/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Records that tell nothing new are not read, but a delegate that has a say in them is shown them all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster } from '../../src/testing/index.js';

test('merge and alive delegates are shown members that are known, too', async () => {
  const merged: string[][] = [];
  const claimed = new Set<string>();
  const delegates: Record<string, object> = {
    n1: { merge: { notifyMerge: (peers: { name: string }[]) => void merged.push(names(peers)) } },
    n2: { alive: { notifyAlive: ({ name }: { name: string }) => void claimed.add(name) } },
  };
  const config = (name: string): object => delegates[name] ?? {};
  const cluster = await SimulatedCluster.create({ size: 4, seed: 1, config });
  await cluster.joinAll();
  await cluster.run(10_000);
  merged.length = 0;
  claimed.clear();
  const joins = ['n1', 'n2'].map((name) =>
    cluster.node('n0').join([cluster.node(name).localNode.address]),
  );
  await cluster.run(1_000);
  await Promise.all(joins);
  assert.deepEqual(merged, [['n0', 'n1', 'n2', 'n3']]);
  assert.deepEqual([...claimed].sort(), ['n0', 'n1', 'n2', 'n3']);
  await cluster.close();
});

function names(peers: readonly { name: string }[]): string[] {
  return peers.map(({ name }) => name).sort();
}
