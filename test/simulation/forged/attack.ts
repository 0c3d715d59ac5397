/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cluster whose tables somebody fills with made-up members, and how long a killed member takes to be found dead.
import { SimulatedCluster } from '../../../src/testing/index.js';
import { encodePushPull } from '../../../src/wire/push-pull-codec.js';
import { watchForFailure, type Outcome } from './victim.js';

/** What is played. */
export interface Forgery {
  readonly seed: number;
  /** Real nodes: three or more. */
  readonly nodes: number;
  /** Made-up members in the table of each; 0 for none. */
  readonly forged: number;
  /** One address for all of them, or one for each. */
  readonly sharesAddress?: boolean;
}

/** One push/pull holds no more. */
const MOST_RECORDS = 200_000;
const WARM_UP_MS = 30_000;
const UNDER_ATTACK_MS = 20_000;

const VERSIONS = Buffer.of(1, 5, 2, 0, 0, 0);

function table(count: number, from: number, sharesAddress: boolean): Buffer {
  const records = Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const own = Buffer.of(10, 100 + (n >> 16), (n >> 8) & 0xff, n & 0xff);
    const addr = sharesAddress ? Buffer.of(10, 99, 0, 1) : own;
    const alive = { port: 7946, meta: null, incarnation: 1, state: 0, vsn: VERSIONS };
    return { name: `f${n}`, addr, ...alive };
  });
  return encodePushPull({ join: false, records, userState: Buffer.alloc(0) });
}

/** Sends made-up tables to every node, as somebody does that is no member. */
async function attack(cluster: SimulatedCluster, forgery: Forgery): Promise<void> {
  const attacker = cluster.network.transport('attacker');
  const ignored = { packet: () => undefined, stream: () => undefined };
  await cluster.during(attacker.start(ignored));
  for (let from = 0; from < forgery.forged; from += MOST_RECORDS) {
    const count = Math.min(MOST_RECORDS, forgery.forged - from);
    const message = table(count, from, forgery.sharesAddress === true);
    for (const name of cluster.names()) {
      const { address } = cluster.node(name).localNode;
      const connection = await cluster.during(attacker.dial({ addr: address }, { timeout: 5_000 }));
      await cluster.during(connection.write(message));
      await cluster.run(1_000);
      connection.close();
    }
  }
}

/** Plays it. */
export async function play(forgery: Forgery): Promise<Outcome> {
  const { seed, nodes, forged } = forgery;
  const config = { maxMembers: forged + 1_000 };
  await using cluster = await SimulatedCluster.create({
    size: nodes,
    seed,
    config,
    traceLength: 0,
  });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  await cluster.run(WARM_UP_MS);
  if (forged > 0) {
    await attack(cluster, forgery);
    await cluster.run(UNDER_ATTACK_MS);
  }
  return await watchForFailure(cluster, `n${nodes - 1}`);
}
