/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A large cluster, in which messages are passed on: how long a message takes to reach all members, and how many copies
// of it are sent. Membership does not change, and its packets are not sent.

import { lanConfig } from '../../src/config/presets.js';
import { quietCluster } from '../swim/quiet-cluster.js';
import { countedBus, type CountedBus, type Counts } from './counted-bus.js';
import { type DurationData, Durations } from './durations.js';

/** What is simulated. */
export interface ReachSetting {
  readonly nodes: number;
  readonly loss: number;
  readonly messages: number;
}

/** The result of one cluster. */
export interface Reach {
  readonly seed: number;
  readonly loss: number;
  /** From publishing to delivery, of all messages at all members. */
  readonly delays: DurationData;
  /** From publishing until the last member has it. */
  readonly reached: DurationData;
  readonly unreached: number;
  /** Received copies per delivery. */
  readonly copies: number;
  /** Of all messages that were delivered, those that came as the answer to a fetch. */
  readonly repaired: number;
  /** Packets, and bytes in them, per delivery, with digests and offers. */
  readonly packets: number;
  readonly bytes: number;
  readonly seconds: number;
}

const latency = { min: 0.5, max: 2 };
const topic = 'prices';
const publishers = 10;
const everyMs = 100;
const warmUp = 20;
const payloadBytes = 100;

/** Simulates one cluster. */
export async function reach({ nodes, loss, messages }: ReachSetting, seed: number): Promise<Reach> {
  const startedAt = performance.now();
  const counts: Counts = new Map();
  const buses = new Map<string, CountedBus>();
  const publishedAt: number[] = [];
  const lacking: number[] = [];
  const delays = new Durations();
  const reached = new Durations();
  const clock: { now: () => number } = { now: () => 0 };
  const config = (name: string) => {
    const counted = countedBus({}, counts);
    buses.set(name, counted);
    counted.bus.subscribe(
      topic,
      ({ payload }) => {
        const index = payload.readUInt32BE();
        if (index < warmUp) return;
        const ms = clock.now() - (publishedAt[index] ?? 0);
        delays.add(ms);
        const left = (lacking[index] ?? 0) - 1;
        lacking[index] = left;
        if (left === 0) reached.add(ms);
      },
      { self: false },
    );
    const { udpBufferSize } = lanConfig();
    return { ...lanConfig(), udpBufferSize, enableCompression: false, use: [counted.extension] };
  };
  const { cluster } = await quietCluster({
    size: nodes,
    seed: `sim:bus ${nodes} ${seed}`,
    config,
    latency,
  });
  try {
    clock.now = () => cluster.now;
    cluster.network.change({ loss });
    let before = { counts: new Map(counts), stats: cluster.stats() };
    for (let index = 0; index < warmUp + messages; index++) {
      if (index === warmUp) {
        await cluster.run(2_000);
        before = { counts: new Map(counts), stats: cluster.stats() };
      }
      const payload = Buffer.alloc(payloadBytes);
      payload.writeUInt32BE(index);
      publishedAt[index] = cluster.now;
      lacking[index] = nodes - 1;
      const name = `n${(index % publishers) * Math.floor(nodes / publishers)}`;
      void buses.get(name)?.bus.publish(topic, payload);
      await cluster.run(everyMs);
    }
    await cluster.run(5_000);
    const count = (name: string): number =>
      (counts.get(name) ?? 0) - (before.counts.get(name) ?? 0);
    const received = count('delivered_total');
    const stats = cluster.stats();
    return {
      seed,
      loss,
      delays: delays.data(),
      reached: reached.data(),
      unreached: messages - reached.total,
      copies: (received + count('duplicates_total')) / received,
      repaired: count('repaired_total') / received,
      packets: (stats.packets - before.stats.packets) / received,
      bytes: (stats.packetBytes - before.stats.packetBytes) / received,
      seconds: (performance.now() - startedAt) / 1_000,
    };
  } finally {
    await cluster.close();
  }
}
