/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a quiet node costs in a cluster of so many, in virtual time: the protocol's work without sockets.

import { SimulatedCluster } from '../../src/testing/index.js';
import type { GrowthTask } from '../protocol.js';
import { collectGarbage, Stopwatch } from './stopwatch.js';

const joinTimeoutMs = 300_000;

/** Processor time for each node and virtual second, for each of the windows, in microseconds. */
export async function growth(task: GrowthTask): Promise<{ microseconds: number[] }> {
  const { nodes, quietMs, windowMs, windows } = task;
  await using cluster = await SimulatedCluster.create({
    size: nodes,
    seed: 1,
    config: { settleAfterJoin: false },
    traceLength: 0,
  });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged(), { timeout: joinTimeoutMs });
  await cluster.run(quietMs);
  const microseconds: number[] = [];
  for (let i = 0; i < windows; i++) {
    collectGarbage();
    const watch = new Stopwatch();
    watch.start();
    await cluster.run(windowMs);
    watch.stop(1);
    microseconds.push(watch.total.cpuNs / 1000 / nodes / (windowMs / 1000));
  }
  if (!cluster.converged()) throw new Error('the cluster did not stay whole');
  return { microseconds };
}
