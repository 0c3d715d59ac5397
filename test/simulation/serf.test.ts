/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The Serf extension in simulated clusters: coordinates that converge, queries under loss, and identical runs.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Extension } from '../../src/index.js';
import { extensionContract, SimulatedCluster } from '../../src/testing/index.js';
import { serf, type Serf } from '../../src/serf/index.js';
import { end } from './worlds.js';

interface World {
  readonly cluster: SimulatedCluster;
  readonly guests: Map<string, Serf>;
}

async function worldOf(size: number, options: { seed: number; loss?: number }): Promise<World> {
  const guests = new Map<string, Serf>();
  const cluster = await SimulatedCluster.create({
    size,
    seed: options.seed,
    network: { loss: options.loss ?? 0 },
    config: (name) => {
      const guest = serf({ tags: { name } });
      guest.respond('who', () => name);
      guests.set(name, guest);
      return { use: [guest], logger: false };
    },
  });
  return { cluster, guests };
}

/** One-way delays between places on a line: two thirds of the nodes are far from the others. */
const placeOf = (name: string): number => (Number(name.slice(1)) % 3) * 20;
const oneWayMs = (a: string, b: string): number => 1 + Math.abs(placeOf(a) - placeOf(b));

suite('Serf in simulated clusters', () => {
  test('the coordinates of 30 nodes converge to the planted latencies', async () => {
    const { cluster, guests } = await worldOf(30, { seed: 3 });
    const names = cluster.names();
    for (const a of names) {
      for (const b of names) {
        if (a !== b) cluster.link(a, b, { latency: oneWayMs(a, b) });
      }
    }
    await cluster.joinAll();
    await cluster.run(300_000);
    const errors: number[] = [];
    for (const a of names) {
      for (const b of names) {
        const estimate = a === b ? undefined : guests.get(a)?.rtt(b);
        if (estimate === undefined) continue;
        const rtt = 2 * oneWayMs(a, b);
        errors.push(Math.abs(estimate - rtt) / Math.max(rtt, 10));
      }
    }
    assert.ok(errors.length > 800, `${errors.length} pairs`);
    errors.sort((x, y) => x - y);
    const median = errors[errors.length >> 1] ?? Infinity;
    assert.ok(median < 0.15, `median relative error ${median}`);
    await end(cluster);
  });

  test('a query reaches all of 50 nodes that lose 5 % of the packets, and two runs are the same', async () => {
    const runs: string[] = [];
    for (let run = 0; run < 2; run++) {
      const { cluster, guests } = await worldOf(50, { seed: 5, loss: 0.05 });
      await cluster.joinAll();
      await cluster.run(10_000);
      const froms: string[] = [];
      const answers = guests.get('n7')!.query('who', '', { relayFactor: 3, timeout: 10_000 });
      const read = (async () => {
        for await (const { from } of answers) froms.push(from);
      })();
      await cluster.run(11_000);
      await read;
      assert.equal(new Set(froms).size, 50);
      runs.push(`${froms.join()} ${cluster.digest()}`);
      await end(cluster);
    }
    assert.equal(runs[0], runs[1]);
  });

  // The nodes of the contract without the extension have no versions of Serf's protocol.
  const create = (): Extension => {
    const extension = serf();
    return { name: extension.name, attach: (context) => extension.attach(context) };
  };
  // All members receive the messages of a node's delegate.
  const isForAll = ({ name }: { name: string }): boolean => name.includes('a node without it');
  for (const check of extensionContract(create)) {
    if (!isForAll(check)) test(check.name, check.run);
  }
});
