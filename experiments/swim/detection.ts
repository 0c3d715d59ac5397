/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How fast the first member probes a crashed node (SWIM, section 3.2: e/(e − 1) periods on average), and how long the
// last observer takes (section 4.3: at most 2n − 1 of its own periods).

import { SeededRandom, type SimulatedCluster } from '../../src/testing/index.js';
import { probeIntervalMs, probing } from './settings.js';
import { quietCluster } from './quiet-cluster.js';
import { wiretap } from './wiretap.js';

/**
 * `lock-step`: all nodes probe at the same time, as in the paper's analysis. `random`: each has its own phase, like the
 * product.
 */
export type Phases = 'lock-step' | 'random';

/** Clusters, one per seed, in each of which a node crashes. */
export interface DetectionTask {
  readonly kind: 'detection';
  readonly nodes: number;
  readonly phases: Phases;
  /** Whether it continues until all observers have probed the crashed node. */
  readonly toTheLast: boolean;
  /** The first seed, and the number of seeds. */
  readonly first: number;
  readonly count: number;
}

/** The measurements of one crash. Times are periods since the crash unless stated otherwise. */
export interface Crash {
  /** Until the first ping was sent to the crashed node. */
  readonly wait: number;
  /** Until the first observer suspected it. */
  readonly detection: number;
  /** Period starts from the crash to that ping, inclusive; of the common periods in lock-step. */
  readonly periods: number;
  /** The maximum number of its own rounds that an observer took to probe it; undefined if not measured. */
  readonly lastRounds?: number | undefined;
}

/** No helpers: all pings belong to an observer's own rounds. */
const config = { ...probing, indirectChecks: 0 } as const;

/** Crashes a node in each cluster. */
export async function measureDetection(task: DetectionTask, seed: string): Promise<Crash[]> {
  const crashes: Crash[] = [];
  for (let i = task.first; i < task.first + task.count; i++) {
    crashes.push(await crashOne(task, `${seed} ${i}`));
  }
  return crashes;
}

async function crashOne({ nodes, phases, toTheLast }: DetectionTask, seed: string): Promise<Crash> {
  const stepMs = phases === 'lock-step' ? probeIntervalMs : undefined;
  const { cluster, loops } = await quietCluster({ size: nodes, seed, config, stepMs });
  try {
    const random = new SeededRandom(`${seed} crash`);
    loops.run('probe');
    // All passes through the lists started together; this is anywhere in one of them, and anywhere in a period.
    await cluster.run((2 + random.next() * (nodes - 1)) * probeIntervalMs);
    const target = `n${Math.floor(random.next() * nodes)}`;
    return await crash(cluster, { target, toTheLast });
  } finally {
    await cluster.close();
  }
}

async function crash(
  cluster: SimulatedCluster,
  { target, toTheLast }: { target: string; toTheLast: boolean },
): Promise<Crash> {
  const crashedAt = cluster.now;
  const rounds = new Rounds(cluster.names(), target);
  let pingedAt: number | undefined;
  let suspectedAt: number | undefined;
  wiretap(cluster, ({ kind, from, to, at }) => {
    if (kind !== 'ping') return;
    rounds.probe(from, to);
    if (to === target) pingedAt ??= at;
  });
  cluster.on('event', (_, event) => {
    if (event.type === 'suspect' && event.node.name === target) suspectedAt ??= cluster.now;
  });
  cluster.crash(target);
  // A ping in flight at the time of the crash also leads to a suspicion, once in many thousand times.
  const isOver = (): boolean =>
    pingedAt !== undefined &&
    suspectedAt !== undefined &&
    (!toTheLast || rounds.last !== undefined);
  const timeout = 4 * rounds.observers * probeIntervalMs;
  await cluster.runUntil(isOver, { timeout });
  const [pinged, suspected] = [pingedAt ?? NaN, suspectedAt ?? NaN];
  return {
    wait: (pinged - crashedAt) / probeIntervalMs,
    detection: (suspected - crashedAt) / probeIntervalMs,
    periods: beginnings(crashedAt, pinged),
    ...(toTheLast && { lastRounds: rounds.last }),
  };
}

/** The number of multiples of the period after one time and up to the other. */
export function beginnings(afterMs: number, upToMs: number): number {
  const nearest = (ms: number): number => Math.floor(ms / probeIntervalMs + 1e-9);
  return nearest(upToMs) - nearest(afterMs);
}

/** How many of its own rounds each observer takes until it probes the target. */
export class Rounds {
  readonly #target: string;
  readonly #waiting: Map<string, number>;
  /** The number of observers. */
  readonly observers: number;
  #most = 0;

  constructor(names: readonly string[], target: string) {
    const observers = names.filter((name) => name !== target);
    this.observers = observers.length;
    this.#target = target;
    this.#waiting = new Map(observers.map((name) => [name, 0]));
  }

  /** An observer starts a round. */
  probe(observer: string, target: string): void {
    const before = this.#waiting.get(observer);
    if (before === undefined) return;
    this.#waiting.set(observer, before + 1);
    if (target !== this.#target) return;
    this.#most = Math.max(this.#most, before + 1);
    this.#waiting.delete(observer);
  }

  /** The maximum of all observers; undefined while some observer has not probed it. */
  get last(): number | undefined {
    return this.#waiting.size === 0 ? this.#most : undefined;
  }
}
