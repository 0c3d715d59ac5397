/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One cluster with incidents: the number of running tasks of each variant.

import type { Memberlist } from '../../src/index.js';
import { runSingleton, type SingletonStoppedError } from '../../src/ring/index.js';
import { SeededRandom, SimulatedCluster } from '../../src/testing/index.js';
import { LeaseStore } from './store.js';
import { Recorder, type Timeline } from './timeline.js';
import { nodes, variants } from './variants.js';

/** One cluster. */
export interface Task {
  readonly seed: number;
  readonly settle: number;
  readonly incidents: number;
}

/** What happened in it, by variant. */
export interface Result {
  readonly seed: number;
  readonly timelines: Readonly<Record<string, Timeline>>;
}

/** What happens to a cluster, all with the same probability. */
export const incidents = [
  'crash of the owner',
  'crash of another member',
  'quick restart of the owner',
  'leave of the owner',
  'partition',
  'isolation of the owner',
] as const;
type Incident = (typeof incidents)[number];

/** A task needs up to this long to end when it is aborted, in milliseconds. */
const longestEndMs = 200;

/** Simulates one cluster. */
export async function simulate(task: Task): Promise<Result> {
  const world = await World.create(task);
  try {
    return { seed: task.seed, timelines: await world.suffer(task.incidents) };
  } finally {
    await world.close();
  }
}

class World {
  readonly #cluster: SimulatedCluster;
  readonly #random: SeededRandom;
  readonly #settle: number;
  readonly #recorders = new Map<string, Recorder>();
  readonly #store: LeaseStore;
  #owner = 'n0';

  static async create({ seed, settle }: Task): Promise<World> {
    const cluster = await SimulatedCluster.create({
      size: nodes,
      seed: `singleton ${seed}`,
      network: { loss: 0.01 },
      traceLength: 0,
    });
    const world = new World(cluster, new SeededRandom(`singleton incidents ${seed}`), settle);
    await cluster.joinAll();
    for (const name of cluster.names()) world.#run(name);
    await cluster.run(20_000);
    return world;
  }

  private constructor(cluster: SimulatedCluster, random: SeededRandom, settle: number) {
    this.#cluster = cluster;
    this.#random = random;
    this.#settle = settle;
    this.#store = new LeaseStore(cluster, random.fork('store'));
    for (const { name } of variants) this.#recorders.set(name, new Recorder(() => cluster.now));
  }

  /** Executes incidents, one after the other. */
  async suffer(count: number): Promise<Record<string, Timeline>> {
    for (let i = 0; i < count; i++) {
      await this.#wait(40, 80);
      const incident = this.#pick(incidents);
      for (const recorder of this.#recorders.values()) recorder.incident(incident);
      await this.#happen(incident);
    }
    await this.#wait(60, 60);
    return Object.fromEntries([...this.#recorders].map(([name, each]) => [name, each.end()]));
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }

  async #happen(incident: Incident): Promise<void> {
    const owner = this.#owner;
    const others = this.#cluster.names().filter((name) => name !== owner);
    switch (incident) {
      case 'crash of the owner':
        return this.#crash(owner, 5, 60);
      case 'crash of another member':
        return this.#crash(this.#pick(others), 5, 60);
      case 'quick restart of the owner':
        return this.#crash(owner, 0.2, 2);
      case 'leave of the owner':
        await this.#cluster.leave(owner);
        await this.#wait(5, 60);
        return this.#restart(owner);
      case 'partition': {
        const sides = this.#shuffled(this.#cluster.names());
        const size = 1 + Math.floor(this.#random.next() * 2);
        return this.#partition([sides.slice(0, size), sides.slice(size)]);
      }
      case 'isolation of the owner':
        return this.#partition([[owner], others]);
    }
  }

  async #crash(name: string, minS: number, maxS: number): Promise<void> {
    this.#cluster.crash(name, { silent: this.#random.next() < 0.5 });
    await this.#wait(minS, maxS);
    await this.#restart(name);
  }

  async #partition(groups: string[][]): Promise<void> {
    this.#cluster.partition(groups);
    await this.#wait(10, 120);
    this.#cluster.heal();
  }

  async #restart(name: string): Promise<void> {
    const random = this.#random.fork(`${name} at ${this.#cluster.now}`);
    const list = await this.#cluster.restart(name, { join: false });
    this.#run(name);
    const seed = this.#cluster.names().find((other) => other !== name) as string;
    const { address } = this.#cluster.node(seed).localNode;
    for (;;) {
      try {
        await this.#cluster.during(list.join([address]));
        return;
      } catch {
        await this.#cluster.run(500 + 500 * random.next());
      }
    }
  }

  /** A service as it starts: it knows how many members its cluster has, and its task waits for some of them. */
  #run(name: string): void {
    const list = this.#cluster.node(name);
    for (const variant of variants) {
      const recorder = this.#recorders.get(variant.name) as Recorder;
      const random = this.#random.fork(`${variant.name} on ${name} at ${this.#cluster.now}`);
      const task = (signal: AbortSignal): Promise<void> => {
        recorder.change(1);
        if (variant.name === 'minority') this.#owner = name;
        return new Promise((resolve) => {
          const end = (): void => {
            recorder.change(-1);
            resolve();
          };
          signal.addEventListener('abort', () => {
            const { reason } = signal.reason as SingletonStoppedError;
            // A process that crashed has ended.
            if (reason === 'shutdown') end();
            else this.#cluster.clock.setTimer(longestEndMs * random.next(), end);
          });
        });
      };
      const lease = variant.hasLease ? this.#store : undefined;
      const options = { minMembers: 2, settle: this.#settle, ...variant.options, lease };
      runSingleton(facadeOf(list), 'mailer', task, options);
    }
  }

  #wait(minS: number, maxS: number): Promise<void> {
    return this.#cluster.run(1_000 * (minS + (maxS - minS) * this.#random.next()));
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random.next() * all.length)] as T;
  }

  #shuffled(all: readonly string[]): string[] {
    const rest = [...all];
    return all.map(
      () => rest.splice(Math.floor(this.#random.next() * rest.length), 1)[0] as string,
    );
  }
}

/** The same node as another object: a node runs one singleton of a name, and here the variants need the same owner. */
function facadeOf(list: Memberlist): Memberlist {
  return new Proxy(list, {
    get: (target, name): unknown => {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
