/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Makes changes in a simulated cluster and records when each member learns of them.

import {
  pushPullScale,
  retransmitLimit,
  suspicionMinMs,
} from '../../src/core/lifeguard/formulas.js';
import { lanConfig } from '../../src/config/presets.js';
import { TimeoutError } from '../../src/errors.js';
import {
  SeededRandom,
  type SimulatedCluster,
  type SimulatedClusterEvents,
} from '../../src/testing/index.js';
import type { PeriodicLoop } from '../../src/core/lifeguard/rules.js';
import { quietCluster } from '../swim/quiet-cluster.js';
import type { Change, Question } from './options.js';

/** One cluster, in which each requested change happens `seeds` times. */
export interface Task {
  readonly question: Question;
  readonly cluster: number;
  readonly seeds: number;
}

/** When each member learned of a change. Times are milliseconds since the change. */
export interface Sample {
  readonly what: Change;
  /** When each of the other members knew, sorted; shorter if some never did. */
  readonly times: readonly number[];
  /** For a failure: when the first member suspected it, and when the first one declared it failed. */
  readonly firstSuspicionMs: number | null;
  readonly firstVerdictMs: number | null;
}

/** A cluster is used for this many seeds, because creating it costs more than the changes. */
const seedsPerCluster = 10;
const maxSuspicionMult = lanConfig().suspicionMaxTimeoutMult;

/** The clusters that a question needs. */
export function tasksOf(question: Question): Task[] {
  const clusters = Math.ceil(question.seeds / seedsPerCluster);
  return Array.from({ length: clusters }, (_, cluster) => {
    const seeds = Math.min(seedsPerCluster, question.seeds - cluster * seedsPerCluster);
    return { question, cluster, seeds };
  });
}

/** The seed of a cluster. */
export function seedOf({ question, cluster }: Task): string {
  return `converge n${question.nodes} #${cluster}`;
}

/**
 * An update that reached no further member for this time has ended: the last member to receive it has sent it as
 * often as it should.
 */
export function quietMs({ nodes, latency, settings }: Question): number {
  const { gossipNodes, gossipInterval, probeInterval, retransmitMult } = settings;
  const limit = retransmitLimit(retransmitMult, nodes);
  const rounds = gossips(settings)
    ? (Math.ceil(limit / gossipNodes) + 2) * gossipInterval
    : (limit + 2) * probeInterval;
  return Math.max(rounds, 100) + latency.max;
}

/** The maximum time until a full exchange; 0 if there are none. */
export function exchangeMs({ nodes, settings }: Question): number {
  return settings.pushPullInterval * pushPullScale(nodes);
}

/** Simulates one cluster. */
export async function simulate(task: Task): Promise<Sample[]> {
  const { question, seeds } = task;
  const changing = await createCluster(task);
  try {
    const samples: Sample[] = [];
    for (let i = 0; i < seeds; i++) {
      for (const what of question.what) samples.push(await changing.apply(what));
    }
    return samples;
  } finally {
    await changing.cluster.close();
  }
}

async function createCluster(task: Task): Promise<ChangingCluster> {
  const { question } = task;
  const { settings, nodes, latency } = question;
  const seed = seedOf(task);
  const metadata = new Map<string, Buffer>();
  const { gossipInterval, gossipNodes } = lanConfig();
  // The cluster is formed with gossip, regardless of the question's settings.
  const spreading = gossips(settings) ? settings : { ...settings, gossipInterval, gossipNodes };
  const config = (name: string) => ({
    ...spreading,
    delegate: { nodeMeta: () => metadata.get(name) ?? Buffer.alloc(0) },
  });
  const { cluster, loops } = await quietCluster({ size: nodes, seed, config, latency });
  cluster.network.change({ loss: question.loss });
  const running: PeriodicLoop[] = ['probe', 'push-pull'];
  loops.run(...running, ...(gossips(settings) ? (['gossip'] as const) : []));
  await cluster.run(2 * settings.probeInterval);
  return new ChangingCluster(cluster, {
    question,
    metadata,
    random: new SeededRandom(`${seed} what`),
  });
}

function gossips({ gossipInterval, gossipNodes }: Question['settings']): boolean {
  return gossipInterval > 0 && gossipNodes > 0;
}

interface ChangingClusterInit {
  readonly question: Question;
  /** The metadata that the nodes' delegates return. */
  readonly metadata: Map<string, Buffer>;
  readonly random: SeededRandom;
}

/** A cluster in which changes happen. */
class ChangingCluster {
  readonly cluster: SimulatedCluster;
  readonly #init: ChangingClusterInit;
  /** The members whose last change is the longest ago. */
  #waiting: string[] = [];
  #changes = 0;

  constructor(cluster: SimulatedCluster, init: ChangingClusterInit) {
    this.cluster = cluster;
    this.#init = init;
  }

  /** Applies a change to a random member at a random time. */
  async apply(what: Change): Promise<Sample> {
    const { random, question } = this.#init;
    const { probeInterval, gossipInterval } = question.settings;
    await this.cluster.run(random.next() * Math.max(probeInterval, gossipInterval));
    const name = this.#next();
    this.#changes++;
    return what === 'update' ? this.#update(name) : this.#fail(name);
  }

  /** A member that has not changed yet, as long as there is one. */
  #next(): string {
    if (this.#waiting.length === 0) this.#waiting = this.cluster.names();
    const place = Math.floor(this.#init.random.next() * this.#waiting.length);
    return this.#waiting.splice(place, 1)[0] as string;
  }

  async #update(name: string): Promise<Sample> {
    const meta = Buffer.from(`update ${this.#changes}`);
    this.#init.metadata.set(name, meta);
    const arrivals = new ArrivalTimes(this.cluster, (event) => {
      return 'node' in event && event.node.name === name && event.node.meta.equals(meta);
    });
    // It resolves when the member has sent the update as often as it should; no need to wait for it here.
    void this.cluster
      .node(name)
      .updateNode({ timeout: 2 ** 30 })
      .catch(() => undefined);
    const times = await this.#untilAllKnow(arrivals, 0);
    await this.cluster.run(quietMs(this.#init.question));
    return { what: 'update', times, firstSuspicionMs: null, firstVerdictMs: null };
  }

  async #fail(name: string): Promise<Sample> {
    const { question } = this.#init;
    const { cluster } = this;
    const { suspicionMult, probeInterval } = question.settings;
    cluster.crash(name);
    const suspicion = new ArrivalTimes(cluster, (event) => {
      return event.type === 'suspect' && event.node.name === name;
    });
    const arrivals = new ArrivalTimes(cluster, (event) => {
      return event.type === 'leave' && event.reason === 'failed' && event.node.name === name;
    });
    for (const observer of cluster.names()) {
      if (cluster.node(observer).member(name)?.state !== 'alive') suspicion.note(observer);
      // In lossy networks live members are sometimes declared failed.
      if (isFailed(cluster, observer, name)) arrivals.note(observer);
    }
    const longestMs =
      suspicionMinMs(suspicionMult, question.nodes, probeInterval) * maxSuspicionMult;
    const times = await this.#untilAllKnow(arrivals, 2 * longestMs + 20 * probeInterval);
    const [firstVerdictMs = null] = times;
    const [firstSuspicionMs = firstVerdictMs] = suspicion.end();
    await cluster.restart(name);
    await this.#settle();
    return { what: 'failure', times, firstSuspicionMs, firstVerdictMs };
  }

  /** Until all other members know, or dissemination has ended; at least `leastMs`. */
  async #untilAllKnow(arrivals: ArrivalTimes, leastMs: number): Promise<number[]> {
    const { question } = this.#init;
    const { cluster } = this;
    const startedAt = cluster.now;
    // A full exchange informs both members, unless neither of them knows.
    const patienceMs = Math.max(leastMs, 3 * exchangeMs(question));
    const others = question.nodes - 1;
    for (let before = -1; ; before = arrivals.count) {
      const isOver = before === arrivals.count && cluster.now - startedAt >= patienceMs;
      if (isOver || arrivals.count >= others) return arrivals.end();
      await within(cluster, () => arrivals.count >= others, quietMs(question));
    }
  }

  /**
   * Waits until all members see each other again, and no updates about it are pending. In a large cluster it does not
   * wait for full exchanges, which come late: the next change affects another member.
   */
  async #settle(): Promise<void> {
    const { question } = this.#init;
    const isSmall = question.nodes < 4 * seedsPerCluster;
    const timeout = 3 * quietMs(question) + (isSmall ? 3 * exchangeMs(question) : 0);
    await within(this.cluster, () => this.cluster.converged(), timeout);
    await this.cluster.run(quietMs(question));
  }
}

function isFailed(cluster: SimulatedCluster, observer: string, name: string): boolean {
  const state = cluster.node(observer).member(name)?.state;
  return state !== 'alive' && state !== 'suspect';
}

async function within(
  cluster: SimulatedCluster,
  holds: () => boolean,
  timeout: number,
): Promise<void> {
  try {
    await cluster.runUntil(holds, { timeout });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
}

type MemberEvent = SimulatedClusterEvents['event'][1];

/** Records when each node first learns of something, from now on. */
class ArrivalTimes {
  readonly #cluster: SimulatedCluster;
  readonly #startedAt: number;
  readonly #times = new Map<string, number>();
  readonly #listener: (observer: string, event: MemberEvent) => void;

  constructor(cluster: SimulatedCluster, isArrival: (event: MemberEvent) => boolean) {
    this.#cluster = cluster;
    this.#startedAt = cluster.now;
    this.#listener = (observer, event) => {
      if (isArrival(event)) this.note(observer);
    };
    cluster.on('event', this.#listener);
  }

  get count(): number {
    return this.#times.size;
  }

  /** This observer knows now. */
  note(observer: string): void {
    if (this.#times.has(observer)) return;
    this.#times.set(observer, this.#cluster.now - this.#startedAt);
  }

  /** Stops recording. @returns the times, sorted */
  end(): number[] {
    this.#cluster.off('event', this.#listener);
    return [...this.#times.values()].sort((a, b) => a - b);
  }
}
