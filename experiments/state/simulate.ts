/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All nodes of a cluster write their keys; records when each node has those of all.

import { createState, type State } from '../../src/state/index.js';
import { SeededRandom, SimulatedCluster } from '../../src/testing/index.js';
import type { Question } from './options.js';

/** One cluster, in which all nodes write `seeds` times. */
export interface Task {
  readonly question: Question;
  readonly cluster: number;
  readonly seeds: number;
}

/** One time. */
export interface Sample {
  /** When each node had all keys: milliseconds since the last write, sorted. 0 if it had them by then. */
  readonly times: readonly number[];
  /** Bytes of all packets and streams, from the first write until all nodes had everything. */
  readonly bytes: number;
  /** Packets in that time. */
  readonly packets: number;
}

/** A cluster is used this often, because forming it costs more than the writes. */
export const seedsPerCluster = 10;
/** All nodes write within this time, in milliseconds. */
export const writingMs = 1_000;
/** How often is looked, in milliseconds. */
const stepMs = 5;
const patienceMs = 60_000;

type Values = Record<string, string>;

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
  return `state n${question.nodes} #${cluster}`;
}

/** Simulates one cluster. */
export async function simulate(task: Task): Promise<Sample[]> {
  const { question } = task;
  const seed = seedOf(task);
  const states = new Map<string, State<Values>>();
  const cluster = await SimulatedCluster.create({
    ...{ size: question.nodes, seed, traceLength: 0 },
    config: (name) => {
      const state = createState<Values>();
      states.set(name, state);
      return { use: [state], enableCompression: false };
    },
  });
  try {
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    cluster.network.change({ loss: question.loss });
    const random = new SeededRandom(`${seed} writes`);
    const samples: Sample[] = [];
    for (let i = 0; i < task.seeds; i++) {
      await cluster.run(500 + 500 * random.next());
      samples.push(await new Writing(cluster, { states, question, random, value: `${i}` }).run());
    }
    checkEqual(states, task);
    return samples;
  } finally {
    await cluster.close();
  }
}

interface WritingInit {
  readonly states: ReadonlyMap<string, State<Values>>;
  readonly question: Question;
  readonly random: SeededRandom;
  /** What is written: another text each time. */
  readonly value: string;
}

/** All nodes write their keys. */
class Writing {
  readonly #cluster: SimulatedCluster;
  readonly #init: WritingInit;
  readonly #writers: readonly string[];
  /** How many writers' maps each reader has. */
  readonly #has = new Map<string, number>();
  readonly #times = new Map<string, number>();
  #lastWriteAt = 0;

  constructor(cluster: SimulatedCluster, init: WritingInit) {
    this.#cluster = cluster;
    this.#init = init;
    this.#writers = cluster.names();
  }

  async run(): Promise<Sample> {
    const cluster = this.#cluster;
    const { random } = this.#init;
    const before = cluster.stats();
    const starts = this.#writers.map((name) => ({ name, at: random.next() * writingMs }));
    starts.sort((a, b) => a.at - b.at);
    let at = 0;
    for (const start of starts) {
      await cluster.run(start.at - at);
      at = start.at;
      this.#write(start.name);
    }
    this.#lastWriteAt = cluster.now;
    while (!this.#look()) {
      if (cluster.now - this.#lastWriteAt > patienceMs) throw new Error('the nodes never agree');
      await cluster.run(stepMs);
    }
    const after = cluster.stats();
    return {
      times: [...this.#times.values()].sort((a, b) => a - b),
      bytes: after.packetBytes + after.streamBytes - before.packetBytes - before.streamBytes,
      packets: after.packets - before.packets,
    };
  }

  #write(name: string): void {
    const { states, question } = this.#init;
    for (let key = 0; key < question.keys; key++) {
      states.get(name)?.set(`key-${key}`, this.#valueOf(name));
    }
  }

  /** Whether all nodes have everything. A node that has the last key of a map has all: `checkEqual` checks that. */
  #look(): boolean {
    const { states, question } = this.#init;
    const lastKey = `key-${question.keys - 1}`;
    for (const [reader, state] of states) {
      let has = this.#has.get(reader) ?? 0;
      for (; has < this.#writers.length; has++) {
        const writer = this.#writers[has] as string;
        if (state.get(writer, lastKey) !== this.#valueOf(writer)) break;
      }
      this.#has.set(reader, has);
      if (has === this.#writers.length && !this.#times.has(reader)) {
        this.#times.set(reader, this.#cluster.now - this.#lastWriteAt);
      }
    }
    return this.#times.size === states.size;
  }

  #valueOf(writer: string): string {
    return `${writer} ${this.#init.value}`;
  }
}

/** All nodes have the same maps, with all keys. */
function checkEqual(states: ReadonlyMap<string, State<Values>>, task: Task): void {
  const { keys } = task.question;
  const last = `${task.seeds - 1}`;
  for (const [reader, state] of states) {
    for (const writer of states.keys()) {
      const values = Object.entries(state.of(writer));
      if (values.length === keys && values.every(([, value]) => value === `${writer} ${last}`))
        continue;
      throw new Error(`${seedOf(task)}: ${reader} has not the map of ${writer}`);
    }
  }
}
