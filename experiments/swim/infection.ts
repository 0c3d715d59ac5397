/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How news spread on pings and acks alone (SWIM, section 4.1: infection in O(log n) periods).

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

/** When each of the other members heard of one update: periods since it was made, rising. */
export type Infection = readonly number[];

/** The product's own. */
const retransmitMult = 4;
const noMetadata = Buffer.alloc(0);
/** A tenth of a millisecond is enough, and thousands of times are kept. */
const decimals = 4;

/** Lets updates spread, each by a member and at a moment that are chosen at random. */
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
  const heard: Parameters<typeof cluster.on<'event'>>[1] = (_, event) => {
    if (event.type !== 'update' || event.node.name !== source) return;
    const periods = (cluster.now - startedAt) / probeIntervalMs;
    infected.push(Number(periods.toFixed(decimals)));
  };
  cluster.on('event', heard);
  // It resolves when the source has sent it as often as it should, which nobody waits for here.
  void cluster
    .node(source)
    .updateNode({ timeout: 2 ** 30 })
    .catch(() => undefined);
  // Whoever has it sends it with one packet a period at least, so after so many it is not news.
  const newsMs = (retransmitLimit(retransmitMult, nodes) + 1) * probeIntervalMs;
  for (let before = -1; before < infected.length;) {
    before = infected.length;
    await cluster.run(newsMs);
  }
  cluster.off('event', heard);
  return infected;
}
