/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One round of one system: new processes, all rates, and saturation.

import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { Side } from '../side.js';
import { percentile } from '../statistics.js';
import { startServer, type Server } from './servers.js';
import type { BusTasks, Paced, Received, SystemName } from './tasks.js';

/** How much is measured. */
export interface Plan {
  readonly rates: readonly { readonly perSecond: number; readonly ms: number }[];
  readonly warmUp: { readonly perSecond: number; readonly ms: number };
  readonly saturation: { readonly rampMs: number; readonly measureMs: number };
}

/** One rate. */
export interface AtRate {
  /** From the publish call until the last subscriber's handler is called. */
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Processor time of all processes per message. */
  readonly cpuUs: number;
  /** The share of messages that did not reach all subscribers. */
  readonly lost: number;
  readonly lateness: Paced['lateness'];
}

/** As fast as all subscribers receive. */
export interface AtSaturation {
  /** Messages that all subscribers received. */
  readonly perSecond: number;
  /** Processor time of all processes per message. */
  readonly cpuUs: number;
  readonly rejected: number;
  readonly lost: number;
}

/** The results of a round. */
export interface Round {
  /** As in the plan. */
  readonly rates: readonly AtRate[];
  readonly saturation: AtSaturation;
}

/**
 * Messages on their way at saturation. The receive buffer of a bare socket has the default size: about 270 packets of
 * this size.
 */
const windows = { ours: 1_000, Redis: 1_000, NATS: 1_000, floor: 200 } as const;

const program = fileURLToPath(new URL('participant.js', import.meta.url));
const settleMs = 500;
const arriveMs = 30_000;
/** Between two looks, whether messages still arrive. */
const lookMs = 100;

/** Measures a system with a publisher at the first address, and a subscriber at each of the others. */
export async function measureRound(
  system: SystemName,
  addresses: readonly string[],
  plan: Plan,
): Promise<Round> {
  const server = await startServer(system);
  const processes = addresses.map(
    (_, index) =>
      new Side<BusTasks>(`${system}: ${index === 0 ? 'the publisher' : `subscriber ${index}`}`, [
        process.execPath,
        program,
      ]),
  );
  try {
    return await new Run(system, addresses, processes, server).measure(plan);
  } finally {
    await Promise.all(processes.map((each) => each[Symbol.asyncDispose]()));
    await server?.[Symbol.asyncDispose]();
  }
}

class Run {
  readonly #system: SystemName;
  readonly #addresses: readonly string[];
  readonly #processes: readonly Side<BusTasks>[];
  readonly #publisher: Side<BusTasks>;
  readonly #subscribers: readonly Side<BusTasks>[];
  readonly #server: Server | undefined;
  #series = 0;

  constructor(
    system: SystemName,
    addresses: readonly string[],
    processes: readonly Side<BusTasks>[],
    server: Server | undefined,
  ) {
    const [publisher, ...subscribers] = processes;
    if (publisher === undefined) throw new Error('no addresses');
    this.#system = system;
    this.#addresses = addresses;
    this.#processes = processes;
    this.#publisher = publisher;
    this.#subscribers = subscribers;
    this.#server = server;
  }

  async measure({ rates, warmUp, saturation }: Plan): Promise<Round> {
    await this.#connect();
    await this.#atRate(warmUp);
    await wait(settleMs);
    const atRates: AtRate[] = [];
    for (const rate of rates) atRates.push(await this.#atRate(rate));
    return { rates: atRates, saturation: await this.#atSaturation(saturation) };
  }

  async #connect(): Promise<void> {
    const all = this.#addresses;
    for (const [index, each] of this.#processes.entries()) {
      await each.ask('connect', {
        system: this.#system,
        role: index === 0 ? 'publisher' : 'subscriber',
        address: all[index] ?? '',
        all,
        server: this.#server?.address,
      });
    }
    await Promise.all(this.#processes.map((each) => each.ask('ready', {})));
  }

  async #atRate({ perSecond, ms }: { perSecond: number; ms: number }): Promise<AtRate> {
    const count = Math.ceil((perSecond * ms) / 1000);
    const series = await this.#expect(undefined);
    const cpuBefore = await this.#cpuNs();
    const { lateness } = await this.#publisher.ask('paced', { series, count, perSecond });
    const arrived = await this.#arrived(count);
    const cpuUs = ((await this.#cpuNs()) - cpuBefore) / 1000 / count;
    this.#check(arrived, count);
    const lasts = await this.#lasts(count);
    return {
      medianMs: percentile(lasts, 50),
      p99Ms: percentile(lasts, 99),
      cpuUs,
      lost: 1 - lasts.length / count,
      lateness,
    };
  }

  async #atSaturation(times: Plan['saturation']): Promise<AtSaturation> {
    const { address } = await this.#publisher.ask('openReports', {});
    const series = await this.#expect(address);
    const cpuBefore = await this.#cpuNs();
    const result = await this.#publisher.ask('saturate', {
      ...times,
      series,
      window: windows[this.#system],
      lossy: this.#isLossy,
    });
    const { published, received, measuredMs, rejected } = result;
    const arrived = await this.#arrived(published);
    const cpuNs = (await this.#cpuNs()) - cpuBefore;
    this.#check(arrived, published);
    return {
      perSecond: (received / measuredMs) * 1000,
      cpuUs: cpuNs / 1000 / published,
      rejected,
      lost: 1 - Math.min(...arrived.map(({ count }) => count)) / published,
    };
  }

  get #isLossy(): boolean {
    return this.#system === 'floor';
  }

  async #expect(reportTo: string | undefined): Promise<number> {
    const series = ++this.#series;
    await Promise.all(this.#subscribers.map((each) => each.ask('expect', { series, reportTo })));
    return series;
  }

  /** Waits until all messages have arrived, or no more do, or the time is over. */
  async #arrived(expected: number): Promise<Received[]> {
    const endAt = performance.now() + arriveMs;
    let before = -1;
    for (;;) {
      const all = await Promise.all(this.#subscribers.map((each) => each.ask('received', {})));
      const counts = all.map(({ count }) => count);
      if (counts.every((count) => count === expected) || performance.now() > endAt) return all;
      const total = counts.reduce((sum, count) => sum + count, 0);
      if (this.#isLossy && total === before) return all;
      before = total;
      await wait(lookMs);
    }
  }

  /** @throws if a message was lost, came twice or too late; a publisher's messages keep their order everywhere */
  #check(all: readonly Received[], expected: number): void {
    for (const { count, duplicates, outOfOrder, problem } of all) {
      const isComplete = count === expected || this.#isLossy;
      if (isComplete && duplicates === 0 && outOfOrder === 0) continue;
      const problems = `${duplicates} duplicates, ${outOfOrder} out of order; ${problem ?? 'no gap'}`;
      throw new Error(`${this.#system}: ${count} of ${expected} messages arrived; ${problems}`);
    }
  }

  /** For each message that all subscribers received, the time of the last of them. */
  async #lasts(count: number): Promise<Float64Array> {
    const lasts = new Float64Array(count);
    for (const subscriber of this.#subscribers) {
      const { ms } = await subscriber.ask('latencies', { count });
      const bytes = Uint8Array.from(Buffer.from(ms, 'base64'));
      // NaN stays.
      new Float64Array(bytes.buffer).forEach((value, number) => {
        lasts[number] = Math.max(lasts[number] ?? NaN, value);
      });
    }
    return lasts.filter((value) => !Number.isNaN(value));
  }

  /** Processor time of all processes so far, the server included. */
  async #cpuNs(): Promise<number> {
    const all = await Promise.all(this.#processes.map((each) => each.ask('cpu', {})));
    return all.reduce((sum, { cpuNs }) => sum + cpuNs, this.#server?.cpuNs() ?? 0);
  }
}
