/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The nodes of this process: real ones, on loopback sockets, with the defaults for a LAN.

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

/** Who has heard of a node's failure, and when. */
interface Death {
  readonly at: number;
  readonly heardMs: number[];
  readonly expected: number;
  readonly all: () => void;
}

class Cluster {
  readonly nodes: Memberlist[] = [];
  readonly traffic = new Traffic();
  readonly deaths = new Map<string, Death>();
  /** How many members all nodes together know beside themselves. */
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
              this.#hear(name);
            },
          },
        }),
      );
    }
  }

  /** Resolves when all know all. */
  full(): Promise<void> {
    this.#target = this.nodes.length * (this.nodes.length - 1);
    return new Promise((resolve) => {
      this.#full = resolve;
    });
  }

  #hear(name: string): void {
    const death = this.deaths.get(name);
    if (death === undefined) return;
    death.heardMs.push(performance.now() - death.at);
    if (death.heardMs.length === death.expected) death.all();
  }
}

let cluster: Cluster | undefined;

function current(): Cluster {
  if (cluster === undefined) throw new Error('no cluster was started');
  return cluster;
}

/** Starts a node at each address, each a cluster of its own. */
export async function start(task: StartTask): Promise<object> {
  cluster = new Cluster();
  await cluster.start(task);
  return {};
}

/** Has all nodes join the first one at once, and waits until all know all. */
export async function joinAll({ capMs }: JoinTask): Promise<Joined> {
  const { nodes } = current();
  const [seed, ...others] = nodes;
  if (seed === undefined) throw new Error('no nodes');
  const full = current().full();
  const watch = new Stopwatch();
  watch.start();
  const stop = new AbortController();
  for (const node of others) void joinUntilLetIn(node, seed.localNode.address, stop.signal);
  const complete = await within(capMs, full);
  watch.stop(1);
  stop.abort();
  return { ms: watch.total.wallNs / 1e6, cpuMs: watch.total.cpuNs / 1e6, complete };
}

/** Who is not let in (a node takes 128 at a time) tries again after a second, as a service does. */
const retryJoinMs = 1_000;

async function joinUntilLetIn(node: Memberlist, seed: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await node.join([seed]);
      return;
    } catch {
      await wait(retryJoinMs);
    }
  }
}

/** So many join at a time in `gather`: a node lets in 128. */
const joinsAtOnce = 32;

/**
 * Has the nodes join somebody, and says how many the least of them knows. Who is not let in joins the next
 * time.
 */
export async function gather({ seed }: GatherTask): Promise<{ least: number }> {
  const { nodes } = current();
  const waiting = nodes.filter(({ localNode }) => localNode.address !== seed);
  const work = async (): Promise<void> => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      await node.join([seed]).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: joinsAtOnce }, work));
  return { least: Math.min(...nodes.map(({ numMembers }) => numMembers)) };
}

/** What this process has used and sent so far. */
export function usage(): Usage {
  const { packets, packetBytes, streamBytes } = current().traffic;
  const { user, system } = process.cpuUsage();
  const atNs = performance.now() * 1e6;
  return { cpuNs: (user + system) * 1000, atNs, packets, packetBytes, streamBytes };
}

/** The memory in use, and the most that this process ever had. */
export async function heap(): Promise<{ bytes: number; peakKiB: number }> {
  const peakKiB = process.resourceUsage().maxRSS;
  return { bytes: await bytesInUse(), peakKiB };
}

/** Closes a node's sockets without a word, and waits until all others know. */
export async function kill({ index, capMs }: KillTask): Promise<Known> {
  const { nodes, deaths } = current();
  const [victim] = nodes.splice(index, 1);
  if (victim === undefined) throw new Error(`there is no node ${index}`);
  const heardMs: number[] = [];
  const all = new Promise<void>((resolve) => {
    const death = { at: performance.now(), heardMs, expected: nodes.length, all: resolve };
    deaths.set(victim.localNode.name, death);
  });
  await victim.shutdown();
  const complete = await within(capMs, all);
  return { firstMs: Math.min(...heardMs), lastMs: Math.max(...heardMs), complete };
}

/** Closes all nodes. */
export async function stop(): Promise<object> {
  await Promise.all(current().nodes.map((node) => node.shutdown()));
  cluster = undefined;
  return {};
}

/** Whether it happened in time. */
async function within(capMs: number, event: Promise<void>): Promise<boolean> {
  const stop = new AbortController();
  const late = wait(capMs, false, { signal: stop.signal }).catch(() => false);
  const inTime = await Promise.race([event.then(() => true), late]);
  stop.abort();
  return inTime;
}
