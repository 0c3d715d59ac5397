/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How updates spread with pings and acks alone (SWIM, section 4.1: infection in O(log n) periods).

import { SeededRandom, type SimulatedCluster } from '../../src/testing/index.js';
import { retransmitLimit } from '../../src/core/lifeguard/formulas.js';
import { probeIntervalMs, probing } from './settings.js';
import { quietCluster } from './quiet-cluster.js';

/** One cluster, and updates that spread in it, one after the other. */
export interface InfectionTask {
  readonly kind: 'infection';
  readonly nodes: number;
  readonly updates: number;
  readonly repetition: number;
}

/** When each of the other members learned of an update: periods since the update, sorted. */
export type Infection = readonly number[];

/** The product's default. */
const retransmitMult = 4;
const noMetadata = Buffer.alloc(0);
/** A tenth of a millisecond is precise enough, and thousands of times are stored. */
const decimals = 4;

/** Spreads updates, each from a random member at a random time. */
export async function measureInfection(
  { nodes, updates }: InfectionTask,
  seed: string,
): Promise<Infection[]> {
  const metadata = new Map<string, Buffer>();
  const config = (name: string) => ({
    ...probing,
    retransmitMult,
    delegate: { nodeMeta: () => metadata.get(name) ?? noMetadata },
  });
  const { cluster, loops } = await quietCluster({ size: nodes, seed, config });
  try {
    const random = new SeededRandom(`${seed} updates`);
    loops.run('probe');
    await cluster.run(2 * probeIntervalMs);
    const infections: Infection[] = [];
    for (let update = 0; update < updates; update++) {
      await cluster.run(random.next() * probeIntervalMs);
      const source = `n${Math.floor(random.next() * nodes)}`;
      metadata.set(source, Buffer.from(`update ${update}`));
      infections.push(await spread(cluster, source, nodes));
    }
    return infections;
  } finally {
    await cluster.close();
  }
}

async function spread(
  cluster: SimulatedCluster,
  source: string,
  nodes: number,
): Promise<Infection> {
  const startedAt = cluster.now;
  const infected: number[] = [];
  const onEvent: Parameters<typeof cluster.on<'event'>>[1] = (_, event) => {
    if (event.type !== 'update' || event.node.name !== source) return;
    const periods = (cluster.now - startedAt) / probeIntervalMs;
    infected.push(Number(periods.toFixed(decimals)));
  };
  cluster.on('event', onEvent);
  // It resolves when the source has sent it as often as it should; no need to wait for it here.
  void cluster
    .node(source)
    .updateNode({ timeout: 2 ** 30 })
    .catch(() => undefined);
  // Each member that has the update sends it with at least one packet per period, so after this time it has ended.
  const spreadMs = (retransmitLimit(retransmitMult, nodes) + 1) * probeIntervalMs;
  for (let before = -1; before < infected.length;) {
    before = infected.length;
    await cluster.run(spreadMs);
  }
  cluster.off('event', onEvent);
  return infected;
}
