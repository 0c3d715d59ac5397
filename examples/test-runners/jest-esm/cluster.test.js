/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { expect, jest, test } from '@jest/globals';
import { SimulatedCluster } from 'node-memberlist/testing';

// Virtual time does not need real timers.
jest.useFakeTimers();

test('a crashed node is declared dead by all others', async () => {
  const cluster = await SimulatedCluster.create({ size: 5, seed: 1 });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  cluster.crash('n3');
  await cluster.runUntil(() => cluster.node('n0').member('n3')?.state === 'dead');
  expect(cluster.node('n0').numMembers).toBe(4);
  await cluster.close();
});
