/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters, @typescript-eslint/no-unused-vars --
   types are all that is looked at */
// The public interface of `node-memberlist/testing`: compiled, not run.

import type { Memberlist, MembershipEvent, Transport } from '../../src/index.js';
import {
  MemoryNetwork,
  SimulatedCluster,
  type TraceEntry,
  VirtualClock,
} from '../../src/testing/index.js';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Extends<A, B> = [A] extends [B] ? true : false;

/** Compiles for true only. */
function holds<T extends true>(): T | undefined {
  return undefined;
}

interface Traffic {
  packets: number;
  packetBytes: number;
  streams: number;
  streamBytes: number;
}

export function network(): void {
  const clock = new VirtualClock();
  const all = [
    new MemoryNetwork(),
    new MemoryNetwork({ seed: 1, latency: 5, loss: 0.1, clock }),
    new MemoryNetwork({ seed: 'one', latency: { min: 1, max: 2 } }),
    new MemoryNetwork({ latency: { median: 5 } }),
    new MemoryNetwork({ latency: (random) => random.next() }),
    // @ts-expect-error a delay is no text
    new MemoryNetwork({ latency: '5 ms' }),
  ];
  holds<Extends<ReturnType<(typeof all)[0]['transport']>, Transport>>();
}

export async function cluster(): Promise<void> {
  const made = await SimulatedCluster.create({
    size: 50,
    seed: 7,
    config: { probeInterval: 1_000 },
    network: { latency: { min: 0.5, max: 2 }, loss: 0.01 },
  });
  await SimulatedCluster.create({
    size: 1,
    config: (name, index) => ({ label: `${name}${index}` }),
  });
  // @ts-expect-error the clock is the simulation's
  await SimulatedCluster.create({ size: 1, config: { clock: made.clock } });
  // @ts-expect-error a size is needed
  await SimulatedCluster.create({ seed: 1 });
  holds<Equal<ReturnType<typeof made.joinAll>, Promise<void>>>();
  holds<Equal<ReturnType<typeof made.run>, Promise<void>>>();
  holds<Equal<ReturnType<typeof made.runUntil>, Promise<number>>>();
  await made.runUntil(() => made.converged(), { timeout: 60_000 });
  holds<Equal<typeof made.now, number>>();
  holds<Equal<ReturnType<typeof made.node>, Memberlist>>();
  holds<Equal<ReturnType<typeof made.names>, string[]>>();
  made.crash('n3');
  made.crash('n3', { silent: true });
  await made.restart('n3');
  await made.restart('n3', { name: 'other', addr: '10.0.0.1:1', join: false });
  await made.leave('n3');
  made.block('n3', 5_000);
  made.freeze('n3', 5_000);
  made.jump('n3', 5_000);
  made.partition([['n0', 'n1'], ['n2']]);
  made.partition([['n0', 'n1'], ['n2']], { oneWay: true });
  made.heal();
  made.link('n0', 'n1', { loss: 0.1, latency: 5, down: true });
  made.on('event', (observer, event) => {
    holds<Equal<typeof observer, string>>();
    holds<Equal<typeof event, MembershipEvent>>();
  });
  const stats = made.stats();
  holds<Extends<typeof stats, Traffic>>();
  holds<Extends<typeof stats.byNode, Readonly<Record<string, Traffic>>>>();
  holds<Equal<ReturnType<typeof made.digest>, string>>();
  holds<Extends<typeof made, AsyncDisposable>>();
  holds<Equal<ReturnType<typeof made.addNode>, Promise<Memberlist>>>();
  holds<Equal<ReturnType<typeof made.restart>, Promise<Memberlist>>>();
  await made.addNode('n9', { addr: 'new', join: false, config: { label: 'x' } });
  await made.joinAll({ through: 'n1' });
  const during = made.during(Promise.resolve(1));
  holds<Equal<typeof during, Promise<number>>>();
  made.breakStreams('n3');
  const [entry] = made.trace();
  holds<Equal<typeof entry, TraceEntry | undefined>>();
  holds<Equal<typeof made.timersLeft, number>>();
  holds<Equal<typeof made.network, MemoryNetwork>>();
  made.network.change({ bandwidth: 1e6, duplication: 0.1, reordering: 0.1, streamBreaks: 0.1 });
  holds<Equal<keyof typeof made.clock, 'now' | 'wallNow' | 'setTimer' | 'afterTurn'>>();
  // @ts-expect-error a condition that is awaited would hold at once, or never
  await made.runUntil(() => Promise.resolve(true));
  // @ts-expect-error a fault that is misspelt
  made.link('n0', 'n1', { los: 0.1 });
  await made.close();
}
