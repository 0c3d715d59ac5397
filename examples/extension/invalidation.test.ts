/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { test } from 'node:test';
import { extensionContract, SimulatedCluster } from 'node-memberlist/testing';
import { Invalidation } from './invalidation.js';

for (const { name, run } of extensionContract(() => new Invalidation(() => undefined))) {
  test(name, run);
}

test('a key reaches 30 nodes at 10 % loss, and nodes that join later', async () => {
  const dropped = new Map<string, Set<string>>();
  const extensions = new Map<string, Invalidation>();
  const make = (name: string): Invalidation => {
    const keys = new Set<string>();
    dropped.set(name, keys);
    const extension = new Invalidation((key) => keys.add(key));
    extensions.set(name, extension);
    return extension;
  };
  const cluster = await SimulatedCluster.create({
    ...{ size: 30, seed: 1, network: { loss: 0.1 } },
    config: (name) => ({ use: [make(name)] }),
  });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  extensions.get('n7')?.invalidate('user:7');
  const hasAll = (): boolean => [...dropped.values()].every((keys) => keys.has('user:7'));
  await cluster.runUntil(hasAll, { timeout: 10_000 });
  // All broadcasts have ended by then: it can learn of the key only by asking.
  await cluster.run(60_000);
  await cluster.addNode('late');
  await cluster.runUntil(hasAll, { timeout: 60_000 });
  await cluster.close();
});
