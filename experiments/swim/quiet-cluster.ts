/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cluster in which everybody knows everybody and nobody has anything to tell, put together as
// cheaply as it goes: a thousand nodes that join one another have a million things to gossip.

import { SimulatedCluster, type Latency, type SimulatedConfig } from '../../src/testing/index.js';
import { Loops } from './loops.js';

/** Loopback: one way, milliseconds. */
export const loopback = { min: 0.05, max: 0.2 } as const;

/** What a cluster is to be. */
export interface QuietClusterInit {
  readonly size: number;
  readonly seed: string;
  readonly config: SimulatedConfig | ((name: string) => SimulatedConfig);
  /** `loopback` by default. */
  readonly latency?: Latency | undefined;
  /** As for `Loops`. */
  readonly stepMs?: number | undefined;
}

/** A cluster that waits for its periodic work to begin. */
export interface QuietCluster {
  readonly cluster: SimulatedCluster;
  readonly loops: Loops;
}

/** Big packets, not compressed, so that the news of the joins is gone in a few of them. */
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
 * Puts a cluster together. Nobody probes meanwhile, and what the joins leave to be gossiped is
 * gossiped into the void: everybody knows all of it already. Then nothing at all goes on until the
 * caller lets `loops` run.
 *
 * @throws Error when not all know all
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
  // Once so that one knows all, once so that all do.
  await cluster.joinAll();
  await cluster.joinAll();
  if (!cluster.converged()) throw new Error(`${seed}: not all know all`);
  await gossipIntoTheVoid(cluster, loops);
  return { cluster, loops };
}

/** Until nobody has anything left to gossip; then nothing goes on. The network loses nothing then. */
export async function gossipIntoTheVoid(cluster: SimulatedCluster, loops: Loops): Promise<void> {
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
