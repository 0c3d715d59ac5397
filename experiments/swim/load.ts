/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// "The load on a member does not depend on the size of the group" (SWIM, section 3.2): what each member sends and
// receives in an idle cluster, and how long it leaves another member unprobed.

import { probeIntervalMs, probing } from './settings.js';
import { quietCluster } from './quiet-cluster.js';
import { wiretap } from './wiretap.js';

/** One cluster. */
export interface LoadTask {
  readonly kind: 'load';
  readonly nodes: number;
  /** The number of measured protocol periods. */
  readonly periods: number;
  readonly repetition: number;
}

/** The measurements. */
export interface Load {
  /** Messages per member and period, mean over all members. */
  readonly sent: number;
  readonly received: number;
  readonly pings: number;
  readonly acks: number;
  /** The minimum and maximum of all members: sent messages per period. */
  readonly leastSent: number;
  readonly mostSent: number;
  /** Packets that were neither ping nor ack; there should be none. */
  readonly others: number;
  /** The maximum number of rounds between two probes of a member by the same observer; 0: none seen. */
  readonly longestGap: number;
}

/** Measures one cluster. */
export async function measureLoad({ nodes, periods }: LoadTask, seed: string): Promise<Load> {
  const { cluster, loops } = await quietCluster({ size: nodes, seed, config: probing });
  try {
    loops.run('probe');
    await cluster.run(2 * probeIntervalMs);
    const sent = new Map(cluster.names().map((name) => [name, 0]));
    const count = { ping: 0, ack: 0, others: 0, received: 0 };
    const gaps = new Gaps();
    wiretap(cluster, ({ kind, from, to, isLost }) => {
      sent.set(from, (sent.get(from) ?? 0) + 1);
      if (!isLost) count.received++;
      if (kind === 'ping' || kind === 'ack') count[kind]++;
      else count.others++;
      if (kind === 'ping') gaps.probe(from, to);
    });
    await cluster.run(periods * probeIntervalMs);
    const perMember = [...sent.values()].map((packets) => packets / periods);
    const each = (packets: number): number => packets / (nodes * periods);
    return {
      sent: perMember.reduce((sum, packets) => sum + packets, 0) / nodes,
      received: each(count.received),
      pings: each(count.ping),
      acks: each(count.ack),
      leastSent: Math.min(...perMember),
      mostSent: Math.max(...perMember),
      others: count.others,
      longestGap: gaps.longest,
    };
  } finally {
    await cluster.close();
  }
}

/** The maximum number of rounds between two probes of the same member. */
export class Gaps {
  longest = 0;
  readonly #observers = new Map<string, { rounds: number; readonly last: Map<string, number> }>();

  /** An observer starts a round. */
  probe(observer: string, target: string): void {
    const own = this.#observers.get(observer) ?? { rounds: 0, last: new Map<string, number>() };
    this.#observers.set(observer, own);
    own.rounds++;
    const before = own.last.get(target);
    if (before !== undefined) this.longest = Math.max(this.longest, own.rounds - before);
    own.last.set(target, own.rounds);
  }
}
