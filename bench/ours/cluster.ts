/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The nodes of this process: real ones, on loopback sockets, with the LAN defaults.

import { setTimeout as wait } from 'node:timers/promises';
import { Memberlist, NetTransport } from '../../src/index.js';
import type {
  GatherTask,
  Joined,
  JoinTask,
  KillTask,
  Known,
  StartTask,
  Usage,
} from '../protocol.js';
import { CountingTransport, Traffic } from './counting-transport.js';
import { bytesInUse } from './memory.js';
import { Stopwatch } from './stopwatch.js';

/** Which nodes were notified of a node's failure, and when. */
interface Death {
  readonly at: number;
  readonly notifiedMs: number[];
  readonly expected: number;
  readonly all: () => void;
}

class Cluster {
  readonly nodes: Memberlist[] = [];
  readonly traffic = new Traffic();
  readonly deaths = new Map<string, Death>();
  /** The number of members that all nodes together know, without themselves. */
  #known = 0;
  #target = Infinity;
  #full = (): void => undefined;

  async start({ addresses, settle }: StartTask): Promise<void> {
    for (const address of addresses) {
      const [host = '', port] = address.split(':');
      const where = { bindAddr: host, bindPort: Number(port) };
      this.nodes.push(
        await Memberlist.create({
          ...where,
          name: address,
          settleAfterJoin: settle,
          transport: new CountingTransport(
            new NetTransport({ ...where, bindAddr: [host] }),
            this.traffic,
          ),
          events: {
            notifyJoin: ({ name }) => {
              if (name !== address && ++this.#known === this.#target) this.#full();
            },
            notifyLeave: ({ name }) => {
              this.#known--;
              this.#onFailure(name);
            },
          },
        }),
      );
    }
  }

  /** Resolves when every node knows all others. */
  full(): Promise<void> {
    this.#target = this.nodes.length * (this.nodes.length - 1);
    return new Promise((resolve) => {
      this.#full = resolve;
    });
  }

  #onFailure(name: string): void {
    const death = this.deaths.get(name);
    if (death === undefined) return;
    death.notifiedMs.push(performance.now() - death.at);
    if (death.notifiedMs.length === death.expected) death.all();
  }
}

let cluster: Cluster | undefined;

function current(): Cluster {
  if (cluster === undefined) throw new Error('no cluster was started');
  return cluster;
}

/** Starts a node at each address; they have not joined each other yet. */
export async function start(task: StartTask): Promise<object> {
  cluster = new Cluster();
  await cluster.start(task);
  return {};
}

/** Lets all nodes join the first one at once, and waits until every node knows all others. */
export async function joinAll({ capMs }: JoinTask): Promise<Joined> {
  const { nodes } = current();
  const [seed, ...others] = nodes;
  if (seed === undefined) throw new Error('no nodes');
  const full = current().full();
  const watch = new Stopwatch();
  watch.start();
  const stop = new AbortController();
  for (const node of others) void joinWithRetries(node, seed.localNode.address, stop.signal);
  const complete = await within(capMs, full);
  watch.stop(1);
  stop.abort();
  return { ms: watch.total.wallNs / 1e6, cpuMs: watch.total.cpuNs / 1e6, complete };
}

/** A node that is rejected (a node accepts 128 joins at a time) retries after a second, like a service. */
const retryJoinMs = 1_000;

async function joinWithRetries(node: Memberlist, seed: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await node.join([seed]);
      return;
    } catch {
      await wait(retryJoinMs);
    }
  }
}

/** The number of concurrent joins in `gather`: a node accepts 128. */
const concurrentJoins = 32;

/**
 * Lets the nodes join a seed, and returns the smallest number of members that any of them knows. A node that is
 * rejected joins the next time.
 */
export async function gather({ seed }: GatherTask): Promise<{ least: number }> {
  const { nodes } = current();
  const waiting = nodes.filter(({ localNode }) => localNode.address !== seed);
  const work = async (): Promise<void> => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      await node.join([seed]).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: concurrentJoins }, work));
  return { least: Math.min(...nodes.map(({ numMembers }) => numMembers)) };
}

/** What this process has used and sent so far. */
export function usage(): Usage {
  const { packets, packetBytes, streamBytes } = current().traffic;
  const { user, system } = process.cpuUsage();
  const atNs = performance.now() * 1e6;
  return { cpuNs: (user + system) * 1000, atNs, packets, packetBytes, streamBytes };
}

/** The memory in use, and the peak of this process. */
export async function heap(): Promise<{ bytes: number; peakKiB: number }> {
  const peakKiB = process.resourceUsage().maxRSS;
  return { bytes: await bytesInUse(), peakKiB };
}

/** Closes a node's sockets without leaving, and waits until all other nodes are notified. */
export async function kill({ index, capMs }: KillTask): Promise<Known> {
  const { nodes, deaths } = current();
  const [victim] = nodes.splice(index, 1);
  if (victim === undefined) throw new Error(`there is no node ${index}`);
  const notifiedMs: number[] = [];
  const all = new Promise<void>((resolve) => {
    const death = { at: performance.now(), notifiedMs, expected: nodes.length, all: resolve };
    deaths.set(victim.localNode.name, death);
  });
  await victim.shutdown();
  const complete = await within(capMs, all);
  return { firstMs: Math.min(...notifiedMs), lastMs: Math.max(...notifiedMs), complete };
}

/** Closes all nodes. */
export async function stop(): Promise<object> {
  await Promise.all(current().nodes.map((node) => node.shutdown()));
  cluster = undefined;
  return {};
}

/** Whether an event happens in time. */
async function within(capMs: number, event: Promise<void>): Promise<boolean> {
  const stop = new AbortController();
  const late = wait(capMs, false, { signal: stop.signal }).catch(() => false);
  const inTime = await Promise.race([event.then(() => true), late]);
  stop.abort();
  return inTime;
}
