/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One eventful run of a seed, encrypted, whose digest must be the same wherever and whenever it is
// made. Run as a program it prints that digest.

import { SimulatedCluster } from '../../src/testing/index.js';

/** The key is no secret. */
export const secretKey = Buffer.alloc(32, 7);

/** A little of everything. */
export async function replay(seed: number, encrypted = true): Promise<string> {
  const cluster = await SimulatedCluster.create({
    size: 12,
    seed,
    config: (name) => ({
      ...(encrypted && { secretKey }),
      delegate: { nodeMeta: () => Buffer.from(name) },
    }),
    network: {
      latency: { median: 2, max: 400 },
      loss: 0.05,
      duplication: 0.05,
      reordering: 0.1,
      streamBreaks: 0.1,
      bandwidth: 1_000_000,
    },
  });
  await cluster.joinAll();
  cluster.freeze('n3', 4_000);
  cluster.block('n4', 3_000);
  cluster.jump('n5', 2_500);
  await cluster.run(5_000);
  cluster.partition(
    [
      ['n0', 'n1', 'n2'],
      ['n6', 'n7'],
    ],
    { oneWay: true },
  );
  cluster.crash('n8');
  await cluster.leave('n9', { timeout: 60_000 });
  await cluster.run(20_000);
  cluster.heal();
  await cluster.restart('n8');
  await cluster.restart('n9', { name: 'other' });
  await cluster.run(20_000);
  const digest = cluster.digest();
  await cluster.close();
  return digest;
}

const [, script, seed] = process.argv;
if (script?.endsWith('/replay.ts') === true) {
  process.stdout.write(await replay(Number(seed)));
}
