/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What it is to agree, how long it may take, and who cannot.

import type { Memberlist } from '../../../src/index.js';
import type { MemoryTransport, SimulatedCluster } from '../../../src/testing/index.js';
import type { Settings } from './scenario.js';

/**
 * How long agreement may take: probes find who is dead (one pass of the list, slowed down by bad
 * health), suspicions run out, old deaths are forgotten, and a few push/pulls reach everybody.
 */
export function agreementMs(settings: Settings, n: number): number {
  const { probeInterval, suspicionMult, pushPullInterval, gossipToTheDeadTime } = settings;
  const pass = 2 * n * probeInterval + 8 * 8 * probeInterval;
  const suspicion = 6 * suspicionMult * Math.max(1, Math.log10(n)) * probeInterval;
  const pushPulls = 6 * pushPullInterval * (n > 32 ? 2 : 1);
  return 2 * (pass + suspicion) + gossipToTheDeadTime + pushPulls;
}

/** What somebody believes of somebody that this one does not say of itself. */
export function difference(cluster: SimulatedCluster): string | undefined {
  const lists = cluster.names().map((name) => cluster.node(name));
  for (const subject of lists) {
    const { name, meta, incarnation, address } = subject.localNode;
    for (const observer of lists) {
      const seen = observer.member(name);
      const isSame =
        seen?.incarnation === incarnation && seen.meta.equals(meta) && seen.address === address;
      if (isSame) continue;
      const own = `${incarnation} at ${address}`;
      const theirs = seen && `${seen.state} ${seen.incarnation} at ${seen.address}`;
      return `${observer.config.name} holds ${name} as ${theirs ?? 'unknown'}, it is ${own}`;
    }
  }
  return undefined;
}

/** Groups of nodes that list each other, directly or by way of others. */
export function islands(cluster: SimulatedCluster): string[][] {
  const names = cluster.names();
  const found: string[][] = [];
  const seen = new Set<string>();
  const knows = (a: Memberlist, b: Memberlist): boolean =>
    a.members().some(({ name, address }) => {
      const it = b.localNode;
      return name === it.name && address === it.address;
    });
  for (const start of names) {
    if (seen.has(start)) continue;
    const island = [start];
    seen.add(start);
    for (const one of island) {
      const list = cluster.node(one);
      for (const other of names) {
        const otherList = cluster.node(other);
        if (seen.has(other) || !(knows(list, otherList) || knows(otherList, list))) continue;
        seen.add(other);
        island.push(other);
      }
    }
    found.push(island);
  }
  return found;
}

/** Timers that a node has set. */
export function timersOf(list: Memberlist): number {
  return (list.config.clock as unknown as { pending: number }).pending;
}

/** Streams that a node has open. */
export function streamsOf(list: Memberlist): number {
  return (list.config.transport as MemoryTransport).openStreams;
}
