/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The cost of a node in an idle cluster, in virtual time: the protocol's work without sockets.

import { SimulatedCluster } from '../../src/testing/index.js';
import type { GrowthTask } from '../protocol.js';
import { collectGarbage, Stopwatch } from './stopwatch.js';

/** Processor time per node and virtual second, for each window, in microseconds. */
export async function growth(task: GrowthTask): Promise<{ microseconds: number[] }> {
  const { nodes, quietMs, windowMs, windows } = task;
  await using cluster = await SimulatedCluster.create({
    size: nodes,
    seed: 1,
    // The updates of the joins are not measured: with few transmissions they are finished soon.
    config: { settleAfterJoin: false, retransmitMult: 1 },
    traceLength: 0,
  });
  // After the first call n0 knows all nodes, after the second every node does.
  await cluster.joinAll();
  await cluster.joinAll();
  await cluster.run(quietMs);
  if (!cluster.converged()) throw new Error('the cluster did not converge');
  const microseconds: number[] = [];
  for (let i = 0; i < windows; i++) {
    collectGarbage();
    const watch = new Stopwatch();
    watch.start();
    await cluster.run(windowMs);
    watch.stop(1);
    microseconds.push(watch.total.cpuNs / 1000 / nodes / (windowMs / 1000));
  }
  if (!cluster.converged()) throw new Error('the cluster did not stay converged');
  return { microseconds };
}
