/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Simulated clusters that have met, and what was seen in them.

import assert from 'node:assert/strict';
import type { MembershipEvent } from '../../src/index.js';
import {
  SimulatedCluster,
  type SimulatedClusterOptions,
  type TraceEntry,
} from '../../src/testing/index.js';

/** A cluster whose nodes all know each other. */
export async function joined(options: SimulatedClusterOptions): Promise<SimulatedCluster> {
  const cluster = await SimulatedCluster.create(options);
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  return cluster;
}

/** Keeps the events that come from now on. */
export function record(cluster: SimulatedCluster): TraceEntry[] {
  const entries: TraceEntry[] = [];
  cluster.on('event', (observer, event) => entries.push({ at: cluster.now, observer, event }));
  return entries;
}

/** The events of one type, as `observer: name` and, where there is one, the reason. */
export function told(entries: readonly TraceEntry[], type: MembershipEvent['type']): string[] {
  return entries
    .filter(({ event }) => event.type === type)
    .map(({ observer, event }) => {
      assert.ok('node' in event);
      const reason = 'reason' in event ? ` ${event.reason}` : '';
      return `${observer}: ${event.node.name}${reason}`;
    });
}

/** What others believe of a node: states, each once. */
export function states(cluster: SimulatedCluster, name: string): string[] {
  const others = cluster.names().filter((other) => other !== name);
  const seen = others.map((other) => cluster.node(other).member(name)?.state ?? 'unknown');
  return [...new Set(seen)].sort();
}

/** Ends the cluster and checks that nothing was left behind. */
export async function end(cluster: SimulatedCluster): Promise<void> {
  await cluster.close();
  assert.equal(cluster.timersLeft, 0, 'timers were left behind');
}
