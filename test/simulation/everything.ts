/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One run in which everything is used that a Memberlist has: all delegates, operations, the iterator,
// keys, a label, metrics and a logger.

import { Registry } from 'prom-client';
import { Keyring, type Memberlist, TransmitLimitedQueue } from '../../src/index.js';
import { SimulatedCluster, type SimulatedConfig } from '../../src/testing/index.js';

/** What was seen in it. */
export interface Everything {
  readonly digest: string;
  /** What delegates were told, as `node: method …`. */
  readonly told: readonly string[];
  /** What the iterator of `n0` gave. */
  readonly iterated: readonly string[];
  readonly logged: readonly string[];
  readonly metrics: string;
  readonly timersLeft: number;
}

/** What one run's nodes are made of. */
class Parts {
  readonly told: string[] = [];
  readonly logged: string[] = [];
  readonly queues = new Map<string, TransmitLimitedQueue>();
  readonly keyrings: Keyring[] = [];
  readonly registry = new Registry();
  now: () => number = () => 0;

  config(name: string): SimulatedConfig {
    const tell = (what: string): void => void this.told.push(`${name}: ${what}`);
    const log = (message: string): void => void this.logged.push(message);
    const queue = new TransmitLimitedQueue({ numNodes: () => 5, retransmitMult: 10 });
    const keyring = new Keyring(Buffer.alloc(16, 1));
    this.queues.set(name, queue);
    this.keyrings.push(keyring);
    return {
      label: 'everything',
      keyring,
      metrics: name === 'n0' ? { registry: this.registry } : false,
      logger: { debug: log, info: log, warn: log, error: log },
      delegate: {
        nodeMeta: () => Buffer.from(`${name} at ${Math.round(this.now())}`),
        notifyMsg: (message) => tell(`notifyMsg ${message.toString()}`),
        getBroadcasts: (overhead, limit) => queue.getBroadcasts(overhead, limit),
        localState: () => Buffer.from(`state of ${name}`),
        mergeRemoteState: (state) => tell(`mergeRemoteState ${state.toString()}`),
      },
      events: {
        notifyJoin: (node) => tell(`notifyJoin ${node.name}`),
        notifyLeave: (node, reason) => tell(`notifyLeave ${node.name} ${reason}`),
        notifyUpdate: (node) => tell(`notifyUpdate ${node.name}`),
      },
      conflict: { notifyConflict: (existing) => tell(`notifyConflict ${existing.name}`) },
      merge: { notifyMerge: (peers) => tell(`notifyMerge ${peers.length}`) },
      alive: {
        notifyAlive: ({ name: peer }) => {
          if (peer === 'unwanted') throw new Error('nobody wants it');
        },
      },
      ping: {
        ackPayload: () => Buffer.from('payload'),
        notifyPingComplete: (node, _rtt, payload) =>
          tell(`notifyPingComplete ${node.name} ${payload.toString()}`),
      },
    };
  }
}

/** Runs it. */
export async function everything(seed: number): Promise<Everything> {
  const parts = new Parts();
  const cluster = await SimulatedCluster.create({
    size: 5,
    seed,
    config: (name) => parts.config(name),
    network: { latency: { min: 1, max: 20 }, loss: 0.02 },
  });
  parts.now = () => cluster.now;
  const iterated: string[] = [];
  const iterating = iterate(cluster.node('n0'), iterated);
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  await talk(cluster, parts);
  await rotate(cluster, parts);
  await suffer(cluster);
  const metrics = await cluster.during(parts.registry.metrics());
  const digest = cluster.digest();
  await cluster.close();
  await iterating;
  const { told, logged } = parts;
  return { digest, told, iterated, logged, metrics, timersLeft: cluster.timersLeft };
}

async function iterate(list: Memberlist, into: string[]): Promise<void> {
  for await (const event of list.events()) {
    into.push('node' in event ? `${event.type} ${event.node.name}` : event.type);
  }
  into.push('the end');
}

async function talk(cluster: SimulatedCluster, parts: Parts): Promise<void> {
  const list = cluster.node('n0');
  const { n1, n2 } = { n1: list.member('n1')!, n2: list.member('n2')! };
  await cluster.during(list.ping('n1', n1.address));
  await cluster.during(list.updateNode());
  await list.sendBestEffort(n1, Buffer.from('best effort'));
  await list.sendToAddress({ addr: n2.address, name: 'n2' }, Buffer.from('to an address'));
  await cluster.during(list.sendReliable(n2, Buffer.from('reliable')));
  parts.queues.get('n0')?.queueBroadcast({ message: Buffer.from('to all') });
  await cluster.run(3_000);
  await cluster.during(cluster.node('n4').leave());
  await cluster.run(1_000);
  await cluster.during(cluster.node('n4').join([list.localNode.address]));
}

async function rotate(cluster: SimulatedCluster, { keyrings }: Parts): Promise<void> {
  const key = Buffer.alloc(32, 2);
  for (const keyring of keyrings) keyring.addKey(key);
  await cluster.run(1_000);
  for (const keyring of keyrings) keyring.useKey(key);
  await cluster.run(1_000);
  for (const keyring of keyrings) keyring.removeKey(Buffer.alloc(16, 1));
}

async function suffer(cluster: SimulatedCluster): Promise<void> {
  const secretKey = { keyring: new Keyring(Buffer.alloc(32, 2)) };
  const rejected = cluster.addNode('unwanted', { config: secretKey });
  await rejected;
  await cluster.addNode('twin', { config: { ...secretKey, name: 'n2' }, join: false });
  const seeds = [cluster.node('n0').localNode.address];
  await cluster.during(cluster.node('twin').join(seeds));
  cluster.link('n0', 'n1', { loss: 0.5, duplication: 0.5, latency: { median: 5 } });
  cluster.jump('n3', 10_000);
  cluster.breakStreams('n0');
  await cluster.run(10_000);
  cluster.crash('n3', { silent: true });
  cluster.freeze('n1', 2_000);
  cluster.block('n2', 2_000);
  await cluster.run(40_000);
  cluster.heal();
  await cluster.restart('n3', { config: secretKey });
  await cluster.run(5_000);
  // Packets get lost, and `leave()` resolves once it was sent: n3 goes on running until n0 has heard of it.
  await cluster.during(cluster.node('n3').leave());
  const isKnown = (): boolean => cluster.node('n0').member('n3')?.state === 'left';
  await cluster.runUntil(isKnown, { timeout: 120_000 });
  cluster.crash('n3', { silent: true });
}
