/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How soon somebody probes a node that crashed (SWIM, section 3.2: e/(e − 1) periods on average), and
// how long the last observer takes to (section 4.3: 2n − 1 of its own periods at most).

import { SeededRandom, type SimulatedCluster } from '../../src/testing/index.js';
import { probeIntervalMs, probing } from './settings.js';
import { quietCluster } from './quiet-cluster.js';
import { wiretap } from './wiretap.js';

/**
 * `lock-step`: all probe at the same moments, as the paper's analysis has it. `random`: each at a
 * phase of its own, as the product does.
 */
export type Phases = 'lock-step' | 'random';

/** Clusters, one for each seed, in each of which a node crashes. */
export interface DetectionTask {
  readonly kind: 'detection';
  readonly nodes: number;
  readonly phases: Phases;
  /** Whether it goes on until all observers have probed the crashed one. */
  readonly toTheLast: boolean;
  /** The first seed, and how many there are. */
  readonly first: number;
  readonly count: number;
}

/** What was seen of one crash. Times are periods since the crash, if nothing else is said. */
export interface Crash {
  /** Until the first ping was sent to the crashed node. */
  readonly wait: number;
  /** Until somebody suspected it. */
  readonly detection: number;
  /** Beginnings of periods from the crash to that ping, it included; of the common ones in lock-step. */
  readonly periods: number;
  /** The most of its own rounds that an observer took to probe it; undefined if not waited for. */
  readonly lastRounds?: number | undefined;
}

/** No helpers: all pings are those of an observer's own rounds. */
const config = { ...probing, indirectChecks: 0 } as const;

/** Lets nodes crash, one in each cluster. */
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
    // All passes through the lists began together; anywhere in one of them, and anywhere in a period.
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
  // A ping that was on its way when it crashed makes it suspected too, once in many thousand times.
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

/** How many multiples of the period there are after the one time and up to the other. */
export function beginnings(afterMs: number, upToMs: number): number {
  const nearest = (ms: number): number => Math.floor(ms / probeIntervalMs + 1e-9);
  return nearest(upToMs) - nearest(afterMs);
}

/** How many rounds of its own each observer takes until it probes the target. */
export class Rounds {
  readonly #target: string;
  readonly #waiting: Map<string, number>;
  /** How many observers there are. */
  readonly observers: number;
  #most = 0;

  constructor(names: readonly string[], target: string) {
    const observers = names.filter((name) => name !== target);
    this.observers = observers.length;
    this.#target = target;
    this.#waiting = new Map(observers.map((name) => [name, 0]));
  }

  /** An observer begins a round. */
  probe(observer: string, target: string): void {
    const before = this.#waiting.get(observer);
    if (before === undefined) return;
    this.#waiting.set(observer, before + 1);
    if (target !== this.#target) return;
    this.#most = Math.max(this.#most, before + 1);
    this.#waiting.delete(observer);
  }

  /** What the slowest took; undefined while somebody has not probed it. */
  get last(): number | undefined {
    return this.#waiting.size === 0 ? this.#most : undefined;
  }
}
