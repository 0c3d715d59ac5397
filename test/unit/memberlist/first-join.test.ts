/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster } from '../../../src/testing/index.js';
import { Log } from './cluster.js';

test('the first join, through several seeds at once, is logged as a join', async () => {
  await using cluster = await SimulatedCluster.create({ size: 3 });
  await cluster.joinAll();
  const log = new Log();
  const seeds = cluster.names().map((name) => cluster.node(name).localNode.address);
  await cluster.addNode('new', { config: { logger: log, seeds }, join: false });
  await cluster.runUntil(() => cluster.node('new').numMembers === 4);
  await cluster.run(10_000);
  const lines = log.of('rejoined');
  assert.ok(lines.length > 0);
  for (const { message } of lines) assert.match(message, /^joined the cluster through /);
});
