/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How large a cluster one process can simulate: it joins through one seed node, runs for some virtual minutes, and is
// restarted node by node meanwhile, like a deployment.

import type { MembershipEvent } from '../../src/index.js';
import { SimulatedCluster, type NetworkStats } from '../../src/testing/index.js';

/** The options of a run. */
export interface ScaleOptions {
  readonly nodes: number;
  /** Virtual minutes since the first join; 0 ends when all nodes know each other. */
  readonly minutes: number;
  /** How many nodes leave and rejoin, one after the other. */
  readonly restarts: number;
  readonly seed: number | string;
  /** Receives a message after each part, and every virtual minute. */
  readonly progress: (text: string) => void;
}

/** The results of a run. */
export interface ScaleResult {
  /** Virtual milliseconds from the first join until all nodes knew each other; undefined if they never did. */
  readonly bootstrapMs: number | undefined;
  /** For each restart, the virtual milliseconds until all lists were correct again. */
  readonly restartMs: readonly number[];
  /** Restarts after which some list was still wrong a minute later. */
  readonly unsettled: readonly string[];
  /** Whether all lists were correct at the end. */
  readonly converged: boolean;
  readonly virtualMs: number;
  readonly events: Readonly<Record<string, number>>;
  /** Members that were declared failed. No node fails here, so each one is a false positive. */
  readonly falsePositives: number;
  readonly traffic: NetworkStats;
  readonly digest: string;
}

const minuteMs = 60_000;
/** The downtime of a restarted node. */
const downMs = 1_000;
/** The pause after the bootstrap, before the first restart, and after the last one. */
const quietMs = 20_000;

/** Runs one cluster from its start to its end. */
export async function runScale(options: ScaleOptions): Promise<ScaleResult> {
  const { nodes, seed } = options;
  // The clusters of earlier measurements had no rejoin.
  const config = { rejoin: false } as const;
  await using cluster = await SimulatedCluster.create({
    size: nodes,
    seed,
    config,
    traceLength: 0,
  });
  return await new ScaleRun(cluster, options).run();
}

class ScaleRun {
  readonly #cluster: SimulatedCluster;
  readonly #options: ScaleOptions;
  readonly #events: Record<string, number> = {};
  readonly #restartMs: number[] = [];
  readonly #unsettled: string[] = [];
  #falsePositives = 0;
  #minutesTold = 0;

  constructor(cluster: SimulatedCluster, options: ScaleOptions) {
    this.#cluster = cluster;
    this.#options = options;
    cluster.on('event', (_observer, event) => this.#count(event));
  }

  async run(): Promise<ScaleResult> {
    const { nodes, minutes, progress } = this.#options;
    const cluster = this.#cluster;
    progress(`${nodes} nodes have started`);
    await cluster.joinAll();
    progress(`all nodes have joined through n0, at ${seconds(cluster.now)}`);
    const bootstrapMs = (await this.#settles(5 * minuteMs)) ? cluster.now : undefined;
    progress(
      `all nodes ${bootstrapMs === undefined ? 'do not ' : ''}know each other, at ${seconds(cluster.now)}`,
    );
    await this.#restartSome();
    await this.#runTo(minutes * minuteMs);
    return {
      bootstrapMs,
      restartMs: this.#restartMs,
      unsettled: this.#unsettled,
      converged: cluster.converged(),
      virtualMs: cluster.now,
      events: this.#events,
      falsePositives: this.#falsePositives,
      traffic: cluster.stats(),
      digest: cluster.digest(),
    };
  }

  /** Spreads the restarts over the available time; a slow one delays the next ones. */
  async #restartSome(): Promise<void> {
    const { restarts, minutes, nodes } = this.#options;
    const startAt = this.#cluster.now + quietMs;
    const endAt = Math.max(startAt, minutes * minuteMs - quietMs);
    for (let i = 0; i < restarts; i++) {
      await this.#runTo(startAt + ((endAt - startAt) * i) / restarts);
      // Not n0, through which the others rejoin.
      await this.#restart(`n${1 + (i % (nodes - 1))}`);
    }
  }

  async #restart(name: string): Promise<void> {
    const cluster = this.#cluster;
    await cluster.leave(name);
    await cluster.run(downMs);
    const backAt = cluster.now;
    await cluster.restart(name);
    if (await this.#settles(minuteMs)) this.#restartMs.push(cluster.now - backAt);
    else this.#unsettled.push(name);
  }

  /** Whether all lists become correct within `timeout` milliseconds. */
  async #settles(timeout: number): Promise<boolean> {
    const cluster = this.#cluster;
    return cluster
      .runUntil(() => cluster.converged(), { timeout })
      .then(
        () => true,
        () => false,
      );
  }

  /** Lets time pass, a minute at a time, with a progress message after each minute. */
  async #runTo(time: number): Promise<void> {
    const cluster = this.#cluster;
    while (cluster.now < time) {
      const nextMinute = (this.#minutesTold + 1) * minuteMs;
      await cluster.run(Math.max(0, Math.min(nextMinute, time) - cluster.now));
      if (cluster.now < nextMinute) continue;
      this.#minutesTold = Math.floor(cluster.now / minuteMs);
      const restarts = this.#restartMs.length + this.#unsettled.length;
      const done = this.#options.restarts > 0 ? `, ${restarts} restarts` : '';
      this.#options.progress(`minute ${this.#minutesTold}${done}`);
    }
  }

  #count(event: MembershipEvent): void {
    const { type } = event;
    const kind = type === 'leave' ? event.reason : type;
    this.#events[kind] = (this.#events[kind] ?? 0) + 1;
    if (kind === 'failed') this.#falsePositives++;
  }
}

/** A readable time. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
