/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster } from 'node-memberlist/testing';
import { Instance } from './jobs.js';

const keys = Array.from({ length: 100 }, (_, i) => `user:${i}`);

test('a crash moves the keys, the share and the job of one instance, and nothing else', async () => {
  await using cluster = await SimulatedCluster.create({ size: 5, seed: 2 });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  const all = cluster.names().map((name) => new Instance(cluster.node(name), keys));
  const runners = (): string[] =>
    all.filter(({ mailer }) => mailer.running).map(({ name }) => name);
  await cluster.runUntil(() => runners().length === 1);
  const [crashed] = runners() as [string];
  const rest = all.filter(({ name }) => name !== crashed);
  const before = new Map(rest.map(({ name, cached }) => [name, cached]));

  cluster.crash(crashed);
  await cluster.runUntil(() => runners().length === 1);
  await cluster.run(3_000);
  assert.equal(runners().length, 1);
  assert.notEqual(runners()[0], crashed);
  assert.deepEqual(rest.flatMap(({ cached }) => cached).sort(), [...keys].sort());
  for (const { name, cached } of rest) {
    for (const key of before.get(name) ?? []) assert.ok(cached.includes(key));
  }
  assert.deepEqual(
    rest.map(({ limit }) => limit.value),
    [25, 25, 25, 25],
  );
});
