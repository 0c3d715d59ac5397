/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// In virtual time: a minute of a cluster takes a fraction of a second, and a seed determines everything.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster } from 'node-memberlist/testing';
import { Leadership } from './leadership.js';

const { SEED } = process.env;

for (const seed of SEED === undefined ? [1, 2, 3, 4, 5] : [SEED]) {
  test(`each side of a partition has a leader, and the whole has one (seed ${seed})`, async (t) => {
    await using cluster = await SimulatedCluster.create({ size: 7, seed, network: { loss: 0.01 } });
    const leaderships = cluster.names().map((name) => new Leadership(cluster.node(name)));
    const leaders = (): string =>
      cluster
        .names()
        .filter((_, i) => leaderships[i]?.isLeading)
        .join();

    await cluster.joinAll();
    await cluster.runUntil(() => leaders() === 'n0');

    cluster.partition([
      ['n0', 'n1', 'n2'],
      ['n3', 'n4', 'n5', 'n6'],
    ]);
    const untilTwo = await cluster.runUntil(() => leaders() === 'n0,n3');
    t.diagnostic(`two leaders ${Math.round(untilTwo)} ms after the partition`);

    cluster.heal();
    const healedAt = cluster.now;
    // Each side has removed the other. A service would retry its seeds; here one join is enough.
    const [n0, n3] = [cluster.node('n0'), cluster.node('n3')];
    await cluster.during(n3.join([n0.localNode.address]));
    await cluster.runUntil(() => leaders() === 'n0');
    t.diagnostic(`one leader ${Math.round(cluster.now - healedAt)} ms after the heal`);

    await cluster.runUntil(() => cluster.converged());
    for (const leadership of leaderships) leadership.stop();
    await cluster.close();
    assert.equal(cluster.timersLeft, 0, 'the service leaked a timer');
  });
}
