/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cluster in which all nodes know each other and have no pending broadcasts, created as cheaply as possible: a
// thousand nodes that join have a million updates to gossip.

import { SimulatedCluster, type Latency, type SimulatedConfig } from '../../src/testing/index.js';
import { Loops } from './loops.js';

/** Loopback: one way, milliseconds. */
export const loopback = { min: 0.05, max: 0.2 } as const;

/** The properties of the cluster. */
export interface QuietClusterInit {
  readonly size: number;
  readonly seed: string;
  readonly config: SimulatedConfig | ((name: string) => SimulatedConfig);
  /** Default: `loopback`. */
  readonly latency?: Latency | undefined;
  /** As for `Loops`. */
  readonly stepMs?: number | undefined;
}

/** A cluster whose periodic work has not started yet. */
export interface QuietCluster {
  readonly cluster: SimulatedCluster;
  readonly loops: Loops;
}

/** Large uncompressed packets, so that the updates of the joins fit into a few of them. */
export const quickSettings = {
  udpBufferSize: 65_507,
  enableCompression: false,
  settleAfterJoin: false,
  queueCheckInterval: 0,
  rejoin: false,
} as const satisfies SimulatedConfig;

/** Two rounds of gossip of the default settings. */
const drainMs = 400;

/**
 * Creates the cluster. No node probes meanwhile, and the broadcasts of the joins are gossiped into a network that drops
 * everything, because all nodes know them already. Then nothing happens until the caller starts `loops`.
 *
 * @throws Error if not all nodes know each other
 */
export async function quietCluster(init: QuietClusterInit): Promise<QuietCluster> {
  const { size, seed, config, latency = loopback, stepMs } = init;
  const loops = new Loops({ stepMs });
  const cluster: SimulatedCluster = await SimulatedCluster.createWith(
    {
      size,
      seed,
      network: { latency },
      config: (name) => {
        const own = typeof config === 'function' ? config(name) : config;
        return { ...quickSettings, ...own };
      },
      traceLength: 0,
    },
    (name) => ({ lifeguard: loops.rulesOf(() => cluster.node(name).config.clock) }),
  );
  // After the first call one node knows all, after the second every node does.
  await cluster.joinAll();
  await cluster.joinAll();
  if (!cluster.converged()) throw new Error(`${seed}: not all nodes know each other`);
  await drainBroadcasts(cluster, loops);
  return { cluster, loops };
}

/** Gossips into a network that drops everything until no broadcasts are left; then stops all loops. */
export async function drainBroadcasts(cluster: SimulatedCluster, loops: Loops): Promise<void> {
  const { gossipInterval } = cluster.node('n0').config;
  cluster.network.change({ loss: 1 });
  loops.run('gossip');
  for (let before = -1, sent = 0; before < sent;) {
    before = sent;
    await cluster.run(Math.max(drainMs, 2 * gossipInterval));
    sent = cluster.stats().packets;
  }
  loops.run();
  cluster.network.change({ loss: 0 });
}
