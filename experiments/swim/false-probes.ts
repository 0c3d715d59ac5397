/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How often a probe of a healthy member fails because of packet loss (SWIM, section 3.1).

import { Registry } from 'prom-client';
import { probeIntervalMs, probing } from './settings.js';
import { quietCluster } from './quiet-cluster.js';
import { wiretap } from './wiretap.js';

/** One cluster with a lossy network. */
export interface FalseProbesTask {
  readonly kind: 'false-probes';
  readonly nodes: number;
  /** The fraction of packets that are lost, in percent. */
  readonly lossPercent: number;
  /** The number of helpers asked. */
  readonly helpers: number;
  readonly periods: number;
  readonly repetition: number;
}

/** The measurements. */
export interface FalseProbes {
  /** Probe rounds that ended. */
  readonly rounds: number;
  /** Rounds that were not answered in time without helpers. */
  readonly unansweredDirectly: number;
  /** Rounds that were not answered at all. */
  readonly failed: number;
  /** Requests to helpers: `helpers` for each round that was not answered directly. */
  readonly requests: number;
  /** The fraction of all packets that were lost. */
  readonly loss: number;
}

/**
 * Updates of suspicions and refutations are sent as rarely as the product allows: they are not part of the
 * experiment. Suspected members are still probed, but not asked to help.
 */
const config = { ...probing, retransmitMult: 1 } as const;

/** Measures one cluster. */
export async function measureFalseProbes(
  { nodes, lossPercent, helpers, periods }: FalseProbesTask,
  seed: string,
): Promise<FalseProbes> {
  const registry = new Registry();
  const own = { ...config, indirectChecks: helpers, metrics: { registry } };
  const { cluster, loops } = await quietCluster({ size: nodes, seed, config: own });
  try {
    const count = { requests: 0, packets: 0, lost: 0 };
    wiretap(cluster, ({ kind, isLost }) => {
      count.packets++;
      if (isLost) count.lost++;
      if (kind === 'indirect-ping') count.requests++;
    });
    cluster.network.change({ loss: lossPercent / 100 });
    loops.run('probe');
    await cluster.run(periods * probeIntervalMs);
    // Rounds in progress end before their outcomes are read; no others start.
    loops.run();
    await cluster.run(2 * probeIntervalMs);
    const outcomes = await probeOutcomes(registry);
    const [failed, indirect] = [outcomes.get('failed') ?? 0, outcomes.get('indirect') ?? 0];
    const rounds = [...outcomes.values()].reduce((sum, ended) => sum + ended, 0);
    const { requests, lost, packets } = count;
    return {
      rounds,
      unansweredDirectly: failed + indirect,
      failed,
      requests,
      loss: lost / packets,
    };
  } finally {
    await cluster.close();
  }
}

/** The number of probe rounds of all nodes by outcome, from the product's metrics. */
async function probeOutcomes(registry: Registry): Promise<Map<string, number>> {
  const metric = await registry.getSingleMetric('memberlist_probes_total')?.get();
  const outcomes = new Map<string, number>();
  for (const { value, labels } of metric?.values ?? []) {
    const outcome = String(labels.outcome);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + value);
  }
  return outcomes;
}
