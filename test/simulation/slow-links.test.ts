/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Joins over links that are too slow for them. Go memberlist has no exchanges after a join, so
// `settleAfterJoin: false` stands for Go's rules here.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SimulatedCluster } from '../../src/testing/index.js';
import { end } from './worlds.js';

const size = 30;
const firstJoinMs = 1_500;
const betweenJoinsMs = 150;
const retryMs = 2_000;
const bytesPerKbit = 125;

/** Lets all nodes join through the first one, and counts how often a live member is declared dead. */
async function falseFailures(
  seed: number,
  { kbit, settleAfterJoin }: { kbit: number; settleAfterJoin: boolean },
): Promise<number> {
  const cluster = await SimulatedCluster.create({
    size,
    seed,
    config: { settleAfterJoin },
    network: { bandwidth: kbit * bytesPerKbit, bufferBytes: 32_000 },
  });
  let failures = 0;
  cluster.on('event', (_observer, event) => {
    if (event.type === 'leave') failures++;
  });
  const { clock, network } = cluster;
  const join = (name: string): void => {
    const again = (): void => void clock.setTimer(retryMs, () => join(name));
    cluster
      .node(name)
      .join([network.addrOf('n0')])
      .catch(again);
  };
  for (let i = 1; i < size; i++) {
    clock.setTimer(firstJoinMs + i * betweenJoinsMs, () => join(`n${i}`));
  }
  await cluster.run(firstJoinMs + size * betweenJoinsMs);
  await cluster.runUntil(() => cluster.converged(), { timeout: 120_000 });
  await cluster.run(40_000);
  await end(cluster);
  return failures;
}

async function total(kbit: number, settleAfterJoin: boolean): Promise<number> {
  let failures = 0;
  for (const seed of [1, 2, 3]) failures += await falseFailures(seed, { kbit, settleAfterJoin });
  return failures;
}

suite('joins over slow links', () => {
  test('at 16 kbit/s the exchanges after a join cause no more false failures than without them', async () => {
    const [withThem, without] = [await total(16, true), await total(16, false)];
    assert.ok(without > 0, 'the link is not slow enough to show anything');
    assert.ok(withThem <= 1.1 * without, `${withThem} instead of ${without}`);
  });

  for (const kbit of [32, 64]) {
    test(`at ${kbit} kbit/s no live member is declared dead`, async () => {
      assert.equal(await total(kbit, true), 0);
    });
  }
});
