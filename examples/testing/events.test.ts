/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the nodes are told, and when: as it happens, and afterwards.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster } from 'node-memberlist/testing';

/** Ten nodes that know each other. */
async function joined(seed: number): Promise<SimulatedCluster> {
  const cluster = await SimulatedCluster.create({ size: 10, seed });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  return cluster;
}

test('a node that stalls for three seconds is called failed by nobody, and calls nobody failed', async () => {
  await using cluster = await joined(1);
  cluster.on('event', (observer, event) => {
    // What is thrown here ends the run that is under way.
    if (event.type === 'leave')
      assert.fail(`${observer} lost ${event.node.name} at ${cluster.now}`);
  });
  cluster.freeze('n3', 3_000);
  await cluster.run(60_000);
  assert.ok(cluster.converged());
});

test('a crash is suspected before it is believed, everywhere, within half a minute', async () => {
  await using cluster = await joined(2);
  const crashedAt = cluster.now;
  cluster.crash('n3');
  await cluster.run(30_000);
  const told = cluster.trace().filter(({ at }) => at > crashedAt);
  for (const name of cluster.names()) {
    const types = told
      .filter(
        ({ observer, event }) => observer === name && 'node' in event && event.node.name === 'n3',
      )
      .map(({ event }) => event.type);
    assert.deepEqual(types, ['suspect', 'leave'], name);
  }
});

test('the same seed gives the same events at the same times, to the byte', async () => {
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
