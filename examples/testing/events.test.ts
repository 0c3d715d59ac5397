/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checks the events of all nodes: while they happen, and afterwards.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster } from 'node-memberlist/testing';

/** A cluster of ten nodes that have all joined. */
async function joined(seed: number): Promise<SimulatedCluster> {
  const cluster = await SimulatedCluster.create({ size: 10, seed });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  return cluster;
}

test('a stall of three seconds causes no failed members', async () => {
  await using cluster = await joined(1);
  cluster.on('event', (observer, event) => {
    // An error thrown here rejects the current run.
    if (event.type === 'leave')
      assert.fail(`${observer} removed ${event.node.name} at ${cluster.now}`);
  });
  cluster.freeze('n3', 3_000);
  await cluster.run(60_000);
  assert.ok(cluster.converged());
});

test('every node suspects a crashed member before it declares it failed, within half a minute', async () => {
  await using cluster = await joined(2);
  const crashedAt = cluster.now;
  cluster.crash('n3');
  await cluster.run(30_000);
  const observed = cluster.trace().filter(({ at }) => at > crashedAt);
  for (const name of cluster.names()) {
    const types = observed
      .filter(
        ({ observer, event }) => observer === name && 'node' in event && event.node.name === 'n3',
      )
      .map(({ event }) => event.type);
    assert.deepEqual(types, ['suspect', 'leave'], name);
  }
});

test('the same seed gives the same events, times and bytes', async () => {
  const digests = [1, 1, 2].map(async (seed) => {
    await using cluster = await joined(seed);
    cluster.crash('n3');
    await cluster.run(30_000);
    return cluster.digest();
  });
  const [first, again, other] = await Promise.all(digests);
  assert.equal(again, first);
  assert.notEqual(other, first);
});
