/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One seed: a cluster with publishers, lost packets, restarts and a partition, and the judgment of all guarantees.

import { lanConfig } from '../../src/config/presets.js';
import { SeededRandom, SimulatedCluster } from '../../src/testing/index.js';
import { BusLedger, type BusLife } from '../../test/simulation/campaign/bus-ledger.js';
import { type CountedBus, countedBus, type Counts } from './counted-bus.js';
import { type DurationData, Durations } from './durations.js';

/** What is simulated. */
export interface Setting {
  readonly nodes: number;
  readonly publishers: number;
  /** Messages per second of each publisher. */
  readonly rate: number;
  readonly minutes: number;
  readonly loss: number;
  readonly partitionMs: number;
}

/** The result of one seed. */
export interface Verdict {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly published: number;
  readonly deliveries: number;
  readonly gaps: number;
  readonly restarts: number;
  /** Failures that were reported of nodes that ran. */
  readonly falseFailures: number;
  /** From publishing to delivery, without the messages around the partition. */
  readonly delays: DurationData;
  /** Of messages that were published during the partition, or until the members list each other again. */
  readonly delaysAtPartition: DurationData;
  /** From publishing until all members have it that were listed, without the partition. */
  readonly reached: DurationData;
  /** Messages, without the partition, that did not reach a member that ended before. */
  readonly unreached: number;
  readonly copies: number;
  readonly repaired: number;
  readonly retainedBytes: number;
  /** Messages that were sent in ten seconds of idleness. */
  readonly idleSends: number;
  readonly seconds: number;
}

const latency = { min: 0.5, max: 2 };
const topic = 'prices';
const payloadBytes = 100;
const retention = { messages: 10_000, bytes: 4 * 1024 * 1024, age: 120_000 };
const grace = 30_000;
const partitionAt = 240_000;
/** After the heal members still have to find each other again. */
const aftermathMs = 90_000;
const otherRestartMs = 15_000;
const publisherRestartMs = 60_000;
const mostViolations = 20;

/** Simulates one seed. */
export async function guarantees(setting: Setting, seed: number): Promise<Verdict> {
  const startedAt = performance.now();
  const run = await Run.create(setting, seed);
  try {
    await run.work();
    await run.settle();
    return { ...run.verdict(), seconds: (performance.now() - startedAt) / 1_000 };
  } finally {
    await run.cluster.close();
  }
}

class Run {
  readonly cluster: SimulatedCluster;
  readonly #setting: Setting;
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #ledger: BusLedger;
  readonly #buses: Map<string, CountedBus>;
  readonly #counts: Counts;
  readonly #violations: string[];
  readonly #leaving = new Set<string>();
  readonly #delays = new Durations();
  readonly #delaysAtPartition = new Durations();
  readonly #reached = new Durations();
  #published = 0;
  #toReach = 0;
  #restarts = 0;
  #falseFailures = 0;
  #retainedBytes = 0;
  #idleSends = 0;

  static async create(setting: Setting, seed: number): Promise<Run> {
    const violations: string[] = [];
    const clock: { run: Run | undefined } = { run: undefined };
    const now = (): number => clock.run?.cluster.now ?? 0;
    const ledger = new BusLedger({
      now,
      fail: (error) => {
        if (violations.length < mostViolations) violations.push(error.message);
      },
      retention,
      inFlightMs: () => 10 * latency.max,
      clocksJump: false,
    });
    const buses = new Map<string, CountedBus>();
    const counts: Counts = new Map();
    const cluster = await SimulatedCluster.create({
      size: setting.nodes,
      seed,
      network: { latency, loss: setting.loss },
      traceLength: 0,
      config: (key) => {
        let life: BusLife | undefined;
        const counted = countedBus({ retention, grace }, counts, ({ self }) => {
          const { name, address } = self;
          life = ledger.started(key, { name, address, bootId: counted.bus.bootId });
        });
        counted.bus.subscribe(topic, (message) => {
          if (life === undefined) return;
          const publication = ledger.delivered(life, message);
          if (publication !== undefined)
            clock.run?.delivered(message.publisher === key, publication);
        });
        counted.bus.on('gap', (gap) => life && ledger.gap(life, gap));
        buses.set(key, counted);
        return { ...lanConfig(), logger: false, use: [counted.extension] };
      },
    });
    const run = new Run({ cluster, setting, seed, ledger, buses, counts, violations });
    clock.run = run;
    return run;
  }

  private constructor(init: {
    cluster: SimulatedCluster;
    setting: Setting;
    seed: number;
    ledger: BusLedger;
    buses: Map<string, CountedBus>;
    counts: Counts;
    violations: string[];
  }) {
    this.cluster = init.cluster;
    this.#setting = init.setting;
    this.#seed = init.seed;
    this.#ledger = init.ledger;
    this.#buses = init.buses;
    this.#counts = init.counts;
    this.#violations = init.violations;
    this.#random = new SeededRandom(`sim:bus ${init.seed}`);
    this.cluster.on('event', (observer, event) => {
      if (event.type !== 'join' && event.type !== 'leave' && event.type !== 'update') return;
      const { name, extensions, address } = event.node;
      const isListed = event.type !== 'leave' && extensions.bus !== undefined;
      this.#ledger.listed(observer, name, isListed ? address : undefined);
      const isFailure = event.type === 'leave' && event.reason === 'failed';
      if (isFailure && this.#isRunning(name) && !this.#isAround(this.cluster.now))
        this.#falseFailures++;
    });
  }

  /** A node delivers a message. */
  delivered(isOwn: boolean, publication: { at: number; owed: number; reached: number }): void {
    if (isOwn) return;
    const { at, owed, reached } = publication;
    const ms = this.cluster.now - at;
    if (this.#isAround(at)) return this.#delaysAtPartition.add(ms);
    this.#delays.add(ms);
    if (owed > 0 && reached === owed) {
      publication.reached++;
      this.#reached.add(ms);
    }
  }

  /** All nodes join; then the publishers publish while faults happen. */
  async work(): Promise<void> {
    const { cluster } = this;
    const { nodes, publishers, rate, minutes, partitionMs } = this.#setting;
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged(), { timeout: 300_000 });
    this.#startedAt = cluster.now;
    const endAt = cluster.now + minutes * 60_000;
    const names = Array.from({ length: nodes }, (_, i) => `n${i}`);
    const publishing = names.slice(1, 1 + publishers);
    const others = names.slice(1 + publishers);
    const everyMs = 1_000 / rate;
    for (const name of publishing) {
      const publish = (): void => {
        if (cluster.now >= endAt) return;
        this.#publish(name);
        cluster.clock.setTimer(everyMs, publish);
      };
      cluster.clock.setTimer(everyMs * this.#random.next(), publish);
    }
    const halves = [names.filter((_, i) => i % 2 === 0), names.filter((_, i) => i % 2 === 1)];
    let otherAt = cluster.now + otherRestartMs;
    let publisherAt = cluster.now + publisherRestartMs / 2;
    let partition = 0;
    while (cluster.now < endAt) {
      await cluster.run(1_000);
      const sinceMs = cluster.now - this.#startedAt;
      if (partition === 0 && sinceMs >= partitionAt) {
        cluster.partition(halves);
        partition = 1;
      }
      if (partition === 1 && sinceMs >= partitionAt + partitionMs) {
        cluster.heal();
        partition = 2;
      }
      if (cluster.now >= otherAt) {
        otherAt += otherRestartMs;
        await this.#restart(this.#pick(others));
      }
      if (cluster.now >= publisherAt) {
        publisherAt += publisherRestartMs;
        await this.#restart(this.#pick(publishing));
      }
      if (sinceMs % 10_000 < 1_000) this.#look();
    }
  }

  /** What is retained expires, and nothing is sent any more. */
  async settle(): Promise<void> {
    await this.cluster.run(retention.age + grace + 10_000);
    this.#ledger.settled();
    const sends = (): number => this.#counts.get('sends') ?? 0;
    const before = sends();
    await this.cluster.run(10_000);
    this.#idleSends = sends() - before;
    if (this.#idleSends > 0) this.#fail(`an idle bus does nothing: ${this.#idleSends} messages`);
    const most = this.#look();
    if (most > 0) this.#fail(`retained messages are bounded: ${most} bytes in the end`);
  }

  verdict(): Omit<Verdict, 'seconds'> {
    const count = (name: string): number => this.#counts.get(name) ?? 0;
    const { deliveries, gaps } = this.#ledger;
    const received = count('delivered_total');
    return {
      seed: this.#seed,
      violations: this.#violations,
      published: this.#published,
      deliveries,
      gaps,
      restarts: this.#restarts,
      falseFailures: this.#falseFailures,
      delays: this.#delays.data(),
      delaysAtPartition: this.#delaysAtPartition.data(),
      reached: this.#reached.data(),
      unreached: this.#toReach - this.#reached.total,
      copies: (received + count('duplicates_total')) / received,
      repaired: count('repaired_total') / received,
      retainedBytes: this.#retainedBytes,
      idleSends: this.#idleSends,
    };
  }

  #startedAt = 0;

  #publish(name: string): void {
    const life = this.#ledger.life(name);
    const bus = this.#buses.get(name)?.bus;
    if (life === undefined || bus === undefined || this.#leaving.has(name)) return;
    const payload = Buffer.alloc(payloadBytes, `${name} ${life.bootId} ${life.published.length} `);
    const { owed } = this.#ledger.published(life, topic, payload);
    this.#published++;
    if (owed > 0 && !this.#isAround(this.cluster.now)) this.#toReach++;
    bus.publish(topic, payload).catch((error: unknown) => {
      if (this.#isRunning(name)) this.#fail(`publish: ${String(error)}`);
    });
  }

  /** Half of the restarts are crashes, half are leaves; the node is back after one to twenty seconds. */
  async #restart(name: string): Promise<void> {
    if (!this.#isRunning(name)) return;
    const { cluster } = this;
    this.#restarts++;
    const backMs = 1_000 + 19_000 * this.#random.next() ** 2;
    if (this.#random.next() < 0.5) {
      this.#ledger.ended(name);
      cluster.crash(name, { silent: true });
    } else {
      this.#leaving.add(name);
      await cluster.leave(name).catch(() => undefined);
      this.#leaving.delete(name);
      this.#ledger.ended(name);
    }
    cluster.clock.setTimer(backMs, () => {
      cluster.restart(name, { join: false }).then(
        (list) => void this.#rejoin(list),
        (error: unknown) => this.#fail(`restart: ${String(error)}`),
      );
    });
  }

  async #rejoin(list: Awaited<ReturnType<SimulatedCluster['restart']>>): Promise<void> {
    const seeds = this.cluster
      .names()
      .slice(0, 3)
      .map((name) => this.cluster.node(name).localNode.address);
    await list.join(seeds).catch(() => undefined);
  }

  #isRunning(name: string): boolean {
    return this.#ledger.life(name) !== undefined;
  }

  /** Whether members may not list each other because of the partition. */
  #isAround(at: number): boolean {
    const sinceMs = at - this.#startedAt - partitionAt;
    return sinceMs >= -2_000 && sinceMs < this.#setting.partitionMs + aftermathMs;
  }

  #look(): number {
    let most = 0;
    for (const { key } of this.#ledger.running()) {
      most = Math.max(most, this.#buses.get(key)?.retained() ?? 0);
    }
    this.#retainedBytes = Math.max(this.#retainedBytes, most);
    const bound = this.#ledger.lives.length * retention.bytes;
    if (most > bound) this.#fail(`retained messages are bounded: ${most} of ${bound}`);
    return most;
  }

  #pick(names: readonly string[]): string {
    return names[Math.floor(names.length * this.#random.next())] as string;
  }

  #fail(text: string): void {
    if (this.#violations.length < mostViolations) this.#violations.push(text);
  }
}
