/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A simulated cluster whose nodes have a bus, and a record of everything that they deliver.
import assert from 'node:assert/strict';
import { createBus, type Bus, type BusGap, type BusOptions } from '../../src/bus/index.js';
import { lanConfig } from '../../src/index.js';
import { SimulatedCluster } from '../../src/testing/index.js';
import type { LinkOptions } from '../../src/testing/links.js';

/** What one incarnation of a node delivered, in order. */
export interface Log {
  readonly node: string;
  readonly bus: Bus;
  /** `publisher boot seq text`, as published. */
  readonly ids: string[];
  readonly texts: string[];
  readonly at: number[];
  readonly gaps: (BusGap & { at: number })[];
}

export const TOPIC = 'numbers';

/** A cluster with buses. */
export class BusCluster {
  readonly cluster: SimulatedCluster;
  /** The current incarnation of each node. */
  readonly logs: Map<string, Log>;
  /** Earlier ones. */
  readonly ended: Log[];

  private constructor(cluster: SimulatedCluster, logs: Map<string, Log>, ended: Log[]) {
    this.cluster = cluster;
    this.logs = logs;
    this.ended = ended;
  }

  static async create(init: {
    size: number;
    seed?: number | string;
    network?: LinkOptions;
    bus?: BusOptions;
  }): Promise<BusCluster> {
    const logs = new Map<string, Log>();
    const ended: Log[] = [];
    const clock: { now: () => number } = { now: () => 0 };
    const { size, seed = 1, network = {} } = init;
    const cluster = await SimulatedCluster.create({
      ...{ size, seed, network, traceLength: 0 },
      config: (node) => {
        const bus = createBus(init.bus);
        const log: Log = { node, bus, ids: [], texts: [], at: [], gaps: [] };
        const before = logs.get(node);
        if (before !== undefined) ended.push(before);
        logs.set(node, log);
        bus.subscribe(TOPIC, ({ payload, id }) => {
          log.ids.push(id);
          log.texts.push(payload.toString().replace(/\.+$/, ''));
          log.at.push(clock.now());
        });
        bus.on('gap', (gap) => log.gaps.push({ ...gap, at: clock.now() }));
        return { ...lanConfig(), logger: false, use: [bus] };
      },
    });
    clock.now = () => cluster.now;
    return new BusCluster(cluster, logs, ended);
  }

  /** All nodes join, and every bus lists all others. */
  async joined(): Promise<void> {
    await this.cluster.joinAll();
    await this.cluster.runUntil(() => this.cluster.converged());
  }

  log(node: string): Log {
    return this.logs.get(node) ?? assert.fail(`no node ${node}`);
  }

  bus(node: string): Bus {
    return this.log(node).bus;
  }

  /** Publishes texts, without waiting. */
  publish(node: string, ...texts: string[]): void {
    for (const text of texts) {
      this.bus(node)
        .publish(TOPIC, Buffer.from(text))
        .catch(() => undefined);
    }
  }

  /** Each running node has delivered exactly these texts of a publisher, in any interleaving with others. */
  has(node: string, texts: readonly string[]): boolean {
    const got = this.log(node).texts;
    return got.length === texts.length && texts.every((text, i) => got[i] === text);
  }

  everyone(texts: readonly string[]): boolean {
    return this.cluster.names().every((node) => this.has(node, texts));
  }

  /** No duplicates, and in order for each publisher. */
  checkOrder(): void {
    for (const { node, ids } of [...this.logs.values(), ...this.ended]) {
      const last = new Map<string, number>();
      for (const id of ids) {
        const [boot = '', seq = ''] = id.split(':');
        const before = last.get(boot) ?? 0;
        assert.ok(Number(seq) > before, `${node} delivered ${id} after ${before}`);
        last.set(boot, Number(seq));
      }
    }
  }

  close(): Promise<void> {
    return this.cluster.close();
  }
}

export const numbers = (count: number, prefix = ''): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
