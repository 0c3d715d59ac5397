/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster } from 'node-memberlist/testing';
import { Shards } from './shards.js';

const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`);

test('all nodes agree on the owner of each key, and a crashed node loses only its own keys', async () => {
  const cluster = await SimulatedCluster.create({ size: 6, seed: 3, network: { latency: 1 } });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  const shardsOf = (names: readonly string[]): Shards[] =>
    names.map((name) => new Shards(cluster.node(name)));
  const views = shardsOf(cluster.names());
  const [first] = views as [Shards, ...Shards[]];
  const before = new Map(keys.map((key) => [key, first.ownerOf(key)]));
  for (const shards of views) {
    for (const [key, owner] of before) assert.equal(shards.ownerOf(key), owner);
  }
  assert.equal(views.filter((shards) => shards.isOurs('key-0')).length, 1);
  for (const name of cluster.names()) {
    const share = keys.filter((key) => before.get(key) === name).length;
    assert.ok(share > 100 && share < 250, `${name} has ${share} of 1000`);
  }
  const copies = new Map(keys.map((key) => [key, first.ownersOf(key, 2)]));

  cluster.crash('n5');
  await cluster.runUntil(() => cluster.converged());
  for (const key of keys) {
    const owner = first.ownerOf(key);
    if (before.get(key) !== 'n5') assert.equal(owner, before.get(key));
    // The member with the copy owns it now.
    else assert.equal(owner, copies.get(key)?.[1]);
  }
  await cluster.close();
});
