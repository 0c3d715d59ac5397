/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Lets things happen in a simulated cluster and watches who hears of them when.

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
import type { Happening, Question } from './options.js';

/** One cluster, in which everything that is asked for happens so many times. */
export interface Task {
  readonly question: Question;
  readonly cluster: number;
  readonly seeds: number;
}

/** Who heard when. Times are milliseconds since it happened. */
export interface Sample {
  readonly what: Happening;
  /** When each of the others knew, rising; shorter than there are others if some never did. */
  readonly times: readonly number[];
  /** Of a failure: when the first suspected it, and when the first held it for failed. */
  readonly firstSuspicionMs: number | null;
  readonly firstVerdictMs: number | null;
}

/** A cluster is made once for so many seeds: that costs more than what happens in it. */
const seedsAtOnce = 10;
const maxSuspicionMult = lanConfig().suspicionMaxTimeoutMult;

/** The clusters that a question needs. */
export function tasksOf(question: Question): Task[] {
  const clusters = Math.ceil(question.seeds / seedsAtOnce);
  return Array.from({ length: clusters }, (_, cluster) => {
    const seeds = Math.min(seedsAtOnce, question.seeds - cluster * seedsAtOnce);
    return { question, cluster, seeds };
  });
}

/** What decides all that happens in a cluster. */
export function seedOf({ question, cluster }: Task): string {
  return `converge n${question.nodes} #${cluster}`;
}

/**
 * News that reached nobody for so long are over: whoever heard of them last has sent them as often as
 * it should.
 */
export function quietMs({ nodes, latency, settings }: Question): number {
  const { gossipNodes, gossipInterval, probeInterval, retransmitMult } = settings;
  const limit = retransmitLimit(retransmitMult, nodes);
  const rounds = gossips(settings)
    ? (Math.ceil(limit / gossipNodes) + 2) * gossipInterval
    : (limit + 2) * probeInterval;
  return Math.max(rounds, 100) + latency.max;
}

/** So long a full exchange with somebody takes to come, at most; 0 when there are none. */
export function exchangeMs({ nodes, settings }: Question): number {
  return settings.pushPullInterval * pushPullScale(nodes);
}

/** Watches one cluster. */
export async function simulate(task: Task): Promise<Sample[]> {
  const { question, seeds } = task;
  const watched = await watchedCluster(task);
  try {
    const samples: Sample[] = [];
    for (let i = 0; i < seeds; i++) {
      for (const what of question.what) samples.push(await watched.happen(what));
    }
    return samples;
  } finally {
    await watched.cluster.close();
  }
}

async function watchedCluster(task: Task): Promise<Watched> {
  const { question } = task;
  const { settings, nodes, latency } = question;
  const seed = seedOf(task);
  const metadata = new Map<string, Buffer>();
  const { gossipInterval, gossipNodes } = lanConfig();
  // The cluster is put together with gossip, whatever comes after.
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
  return new Watched(cluster, { question, metadata, random: new SeededRandom(`${seed} what`) });
}

function gossips({ gossipInterval, gossipNodes }: Question['settings']): boolean {
  return gossipInterval > 0 && gossipNodes > 0;
}

interface WatchedInit {
  readonly question: Question;
  /** What the nodes' delegates take their metadata from. */
  readonly metadata: Map<string, Buffer>;
  readonly random: SeededRandom;
}

/** A cluster in which things happen. */
class Watched {
  readonly cluster: SimulatedCluster;
  readonly #init: WatchedInit;
  /** Those that nothing has happened to for the longest time. */
  #waiting: string[] = [];
  #happened = 0;

  constructor(cluster: SimulatedCluster, init: WatchedInit) {
    this.cluster = cluster;
    this.#init = init;
  }

  /** Something happens to a random member at a random moment. */
  async happen(what: Happening): Promise<Sample> {
    const { random, question } = this.#init;
    const { probeInterval, gossipInterval } = question.settings;
    await this.cluster.run(random.next() * Math.max(probeInterval, gossipInterval));
    const name = this.#next();
    this.#happened++;
    return what === 'update' ? this.#update(name) : this.#fail(name);
  }

  /** A member that nothing has happened to yet, as long as there is one. */
  #next(): string {
    if (this.#waiting.length === 0) this.#waiting = this.cluster.names();
    const place = Math.floor(this.#init.random.next() * this.#waiting.length);
    return this.#waiting.splice(place, 1)[0] as string;
  }

  async #update(name: string): Promise<Sample> {
    const meta = Buffer.from(`update ${this.#happened}`);
    this.#init.metadata.set(name, meta);
    const heard = new Heard(this.cluster, (event) => {
      return 'node' in event && event.node.name === name && event.node.meta.equals(meta);
    });
    // It resolves when the member has sent it as often as it should, which nobody waits for here.
    void this.cluster
      .node(name)
      .updateNode({ timeout: 2 ** 30 })
      .catch(() => undefined);
    const times = await this.#untilAllHeard(heard, 0);
    await this.cluster.run(quietMs(this.#init.question));
    return { what: 'update', times, firstSuspicionMs: null, firstVerdictMs: null };
  }

  async #fail(name: string): Promise<Sample> {
    const { question } = this.#init;
    const { cluster } = this;
    const { suspicionMult, probeInterval } = question.settings;
    cluster.crash(name);
    const suspicion = new Heard(cluster, (event) => {
      return event.type === 'suspect' && event.node.name === name;
    });
    const heard = new Heard(cluster, (event) => {
      return event.type === 'leave' && event.reason === 'failed' && event.node.name === name;
    });
    for (const observer of cluster.names()) {
      if (cluster.node(observer).member(name)?.state !== 'alive') suspicion.note(observer);
      // Lossy networks make the living look dead, now and then.
      if (isGone(cluster, observer, name)) heard.note(observer);
    }
    const longestMs =
      suspicionMinMs(suspicionMult, question.nodes, probeInterval) * maxSuspicionMult;
    const times = await this.#untilAllHeard(heard, 2 * longestMs + 20 * probeInterval);
    const [firstVerdictMs = null] = times;
    const [firstSuspicionMs = firstVerdictMs] = suspicion.end();
    await cluster.restart(name);
    await this.#calmDown();
    return { what: 'failure', times, firstSuspicionMs, firstVerdictMs };
  }

  /** Until all others have heard, or it is over; at the least so long. */
  async #untilAllHeard(heard: Heard, leastMs: number): Promise<number[]> {
    const { question } = this.#init;
    const { cluster } = this;
    const startedAt = cluster.now;
    // Who is in an exchange hears of it, unless the other one has not heard either.
    const patienceMs = Math.max(leastMs, 3 * exchangeMs(question));
    const others = question.nodes - 1;
    for (let before = -1; ; before = heard.count) {
      const isOver = before === heard.count && cluster.now - startedAt >= patienceMs;
      if (isOver || heard.count >= others) return heard.end();
      await within(cluster, () => heard.count >= others, quietMs(question));
    }
  }

  /**
   * Until everybody sees everybody again, and nobody has news of it any more. In a large cluster full
   * exchanges, which come late, are not waited for: what is next happens to somebody else.
   */
  async #calmDown(): Promise<void> {
    const { question } = this.#init;
    const isSmall = question.nodes < 4 * seedsAtOnce;
    const timeout = 3 * quietMs(question) + (isSmall ? 3 * exchangeMs(question) : 0);
    await within(this.cluster, () => this.cluster.converged(), timeout);
    await this.cluster.run(quietMs(question));
  }
}

function isGone(cluster: SimulatedCluster, observer: string, name: string): boolean {
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

/** When each node first heard of something, from now on. */
class Heard {
  readonly #cluster: SimulatedCluster;
  readonly #startedAt: number;
  readonly #times = new Map<string, number>();
  readonly #listener: (observer: string, event: MemberEvent) => void;

  constructor(cluster: SimulatedCluster, isNews: (event: MemberEvent) => boolean) {
    this.#cluster = cluster;
    this.#startedAt = cluster.now;
    this.#listener = (observer, event) => {
      if (isNews(event)) this.note(observer);
    };
    cluster.on('event', this.#listener);
  }

  get count(): number {
    return this.#times.size;
  }

  /** This one knows now. */
  note(observer: string): void {
    if (this.#times.has(observer)) return;
    this.#times.set(observer, this.#cluster.now - this.#startedAt);
  }

  /** Hears no more. @returns the times, rising */
  end(): number[] {
    this.#cluster.off('event', this.#listener);
    return [...this.#times.values()].sort((a, b) => a - b);
  }
}
