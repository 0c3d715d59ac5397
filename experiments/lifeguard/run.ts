/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One run of the Lifeguard experiment (section V of the paper).

import { performance } from 'node:perf_hooks';
import type { LifeguardRules } from '../../src/core/lifeguard/rules.js';
import { TimeoutError } from '../../src/errors.js';
import { SeededRandom, SimulatedCluster } from '../../src/testing/index.js';
import { keyOf, seedOf, type Run } from './cells.js';
import { Blocking } from './blocking.js';
import { configFor, rulesFor } from './configurations.js';

/** Loopback: one way, milliseconds. */
const latency = { min: 0.05, max: 0.2 };
const quietMs = 15_000;
const lengthMs = 120_000;

/** How an anomalous node was detected. Milliseconds since the start of the anomaly. */
export interface Detection {
  readonly firstMs: number;
  /** When the last healthy node knew; null if some never did. */
  readonly fullMs: number | null;
}

/** The stored result of a run. */
export interface RunResult {
  readonly key: string;
  readonly run: Run;
  readonly seed: string;
  /** Failure events about healthy nodes, at all nodes. */
  readonly falsePositives: number;
  /** Those of them that healthy nodes raised. */
  readonly falsePositivesAtHealthy: number;
  /** Failure events about anomalous nodes. */
  readonly truePositives: number;
  /** Threshold runs: each anomalous node that a healthy one detected. */
  readonly detections: readonly Detection[];
  /** Threshold runs: whether all nodes saw each other alive again in time. */
  readonly recovered: boolean | null;
  /** Packets, and opened streams, since the first anomaly. */
  readonly messages: number;
  readonly bytes: number;
  readonly packets: number;
  readonly packetBytes: number;
  /** The measured time, in virtual milliseconds. */
  readonly virtualMs: number;
  /** The hash of everything: a rerun must have the same. */
  readonly digest: string;
  /** Processor time, milliseconds. */
  readonly cpuMs: number;
}

/** Executes one run. */
export async function execute(run: Run): Promise<RunResult> {
  const startedAt = performance.now();
  const blockings = new Map<string, Blocking>();
  const cluster = await quietCluster(run, blockings);
  try {
    const anomalous = chooseAnomalous(cluster, run);
    const count = new Count(cluster, anomalous);
    const before = cluster.stats();
    const began = cluster.now;
    const disturb = (): void => {
      for (const name of anomalous) startAnomaly(cluster, run, name, blockings.get(name));
    };
    const recovered = await runAnomalies(cluster, run, disturb);
    const after = cluster.stats();
    const packets = after.packets - before.packets;
    const packetBytes = after.packetBytes - before.packetBytes;
    return {
      key: keyOf(run),
      run,
      seed: seedOf(run),
      falsePositives: count.falsePositives,
      falsePositivesAtHealthy: count.falsePositivesAtHealthy,
      truePositives: count.truePositives,
      detections: run.intervalMs === undefined ? count.detections() : [],
      recovered,
      messages: packets + after.streams - before.streams,
      bytes: packetBytes + after.streamBytes - before.streamBytes,
      packets,
      packetBytes,
      virtualMs: cluster.now - began,
      digest: cluster.digest().slice(0, 16),
      cpuMs: Math.round(performance.now() - startedAt),
    };
  } finally {
    await cluster.close();
  }
}

/** A cluster in which all nodes know each other, and nothing has happened for a while. */
async function quietCluster(run: Run, blockings: Map<string, Blocking>): Promise<SimulatedCluster> {
  const lifeguard = (name: string): LifeguardRules => {
    const rules = rulesFor(run);
    if (run.anomaly !== 'block') return rules;
    const blocking = new Blocking();
    blockings.set(name, blocking);
    return { ...rules, ...blocking.rules };
  };
  const cluster = await SimulatedCluster.createWith(
    {
      size: run.nodes,
      seed: seedOf(run),
      network: { latency },
      config: configFor(run),
      traceLength: 0,
    },
    (name) => ({ lifeguard: lifeguard(name) }),
  );
  // After the first call one node knows all, after the second every node does.
  await cluster.joinAll();
  await cluster.joinAll();
  await cluster.run(quietMs);
  if (!cluster.converged())
    throw new Error(`${keyOf(run)}: not all nodes know each other after ${quietMs} ms`);
  return cluster;
}

function chooseAnomalous(cluster: SimulatedCluster, run: Run): string[] {
  const random = new SeededRandom(`${seedOf(run)} anomalous`);
  const names = cluster.names();
  return Array.from({ length: run.concurrency }, () => {
    const [name] = names.splice(Math.floor(random.next() * names.length), 1);
    if (name === undefined) throw new RangeError('more anomalous nodes than nodes');
    return name;
  });
}

/** Runs the anomalies. @returns whether all nodes saw each other alive again; null for an Interval run */
async function runAnomalies(
  cluster: SimulatedCluster,
  run: Run,
  disturb: () => void,
): Promise<boolean | null> {
  const { durationMs, intervalMs } = run;
  const began = cluster.now;
  if (intervalMs === undefined) {
    disturb();
    await cluster.run(durationMs);
    return hasRecovered(cluster, lengthMs - durationMs);
  }
  while (cluster.now - began < lengthMs) {
    disturb();
    await cluster.run(durationMs + intervalMs);
  }
  return null;
}

function startAnomaly(
  cluster: SimulatedCluster,
  { anomaly, durationMs }: Run,
  name: string,
  blocking: Blocking | undefined,
): void {
  if (anomaly === 'freeze') {
    cluster.freeze(name, durationMs);
    return;
  }
  if (blocking !== undefined) {
    blocking.block();
    // Set first, so it fires first: blocked operations continue before received data is read.
    cluster.clock.setTimer(durationMs, () => blocking.release());
  }
  cluster.block(name, durationMs);
}

async function hasRecovered(cluster: SimulatedCluster, timeout: number): Promise<boolean> {
  try {
    await cluster.runUntil(() => cluster.converged(), { timeout });
    return true;
  } catch (error) {
    if (error instanceof TimeoutError) return false;
    throw error;
  }
}

/** Counts failure events. */
export class Count {
  falsePositives = 0;
  falsePositivesAtHealthy = 0;
  truePositives = 0;
  readonly #healthyCount: number;
  readonly #began: number;
  /** For each anomalous node: when each healthy one first declared it failed. */
  readonly #seen = new Map<string, Map<string, number>>();

  /** Counts from now on. */
  constructor(cluster: SimulatedCluster, anomalous: readonly string[]) {
    const set = new Set(anomalous);
    this.#began = cluster.now;
    this.#healthyCount = cluster.names().length - set.size;
    for (const name of anomalous) this.#seen.set(name, new Map());
    cluster.on('event', (observer, event) => {
      if (event.type !== 'leave' || event.reason !== 'failed') return;
      const isHealthyObserver = !set.has(observer);
      const seen = this.#seen.get(event.node.name);
      if (seen === undefined) {
        this.falsePositives++;
        if (isHealthyObserver) this.falsePositivesAtHealthy++;
        return;
      }
      this.truePositives++;
      if (isHealthyObserver && !seen.has(observer)) seen.set(observer, cluster.now - this.#began);
    });
  }

  /** The anomalous nodes that were detected. */
  detections(): Detection[] {
    return [...this.#seen.values()]
      .filter((times) => times.size > 0)
      .map((times) => ({
        firstMs: Math.min(...times.values()),
        fullMs: times.size === this.#healthyCount ? Math.max(...times.values()) : null,
      }));
  }
}
