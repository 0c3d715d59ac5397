/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Where the metrics of a node are read from, at each scrape.
import type { ClusterHealthMonitor } from '../cluster-health/cluster-health.js';
import type { ResolvedConfig } from '../config/options.js';
import type { Counters } from '../core/counters.js';
import type { Engine } from '../core/engine.js';
import type { Discovery } from '../discovery/discovery.js';
import type { ExtensionHost } from '../extensions/extension-host.js';
import type { MetricsSource } from '../observability/metric-kinds.js';
import type { Guard } from '../runtime/guard.js';
import type { Services } from './services.js';

/** The node that is measured. `discovery` and `health` are read at a scrape, when the node is complete. */
export interface MeasuredNode {
  readonly config: Pick<ResolvedConfig, 'name'>;
  readonly counters: Counters;
  readonly guard: Guard;
  readonly engine: Engine;
  readonly extensions: ExtensionHost;
  readonly services: Services;
  readonly discovery: Pick<Discovery, 'reconnectCandidates'>;
  readonly health: Pick<ClusterHealthMonitor, 'health' | 'size'>;
}

/** The source of the metrics of one node. */
export function metricsSourceOf(node: MeasuredNode): MetricsSource {
  const { config, counters, guard, engine, extensions, services } = node;
  return {
    node: config.name,
    counters,
    failed: guard.failed,
    healthScore: () => engine.health.score,
    queueDepth: () => engine.queue.numQueued,
    inboxDepth: () => engine.inboxDepth,
    suspicions: () => engine.suspicionsRunning,
    members: () => engine.table.countByState(),
    clusterHealth: () => ({
      reconnectCandidates: node.discovery.reconnectCandidates,
      expected: node.health.size.expected,
      health: node.health.health,
    }),
    extensions: extensions.all,
    services: services.meters,
  };
}
