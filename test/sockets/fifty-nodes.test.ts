/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Fifty nodes in one process on real loopback sockets, LAN defaults. ROUNDS=20 for more of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Memberlist } from '../../src/index.js';
import { until } from './until.js';

const NODES = 50;
const ROUNDS = Number(process.env.ROUNDS ?? 3);

async function createAll(): Promise<Memberlist[]> {
  const numbers = Array.from({ length: NODES }, (_, n) => n);
  return Promise.all(
    numbers.map((n) => Memberlist.create({ name: `n${n}`, bindAddr: '127.0.0.1', bindPort: 0 })),
  );
}

async function joinAll(lists: readonly Memberlist[]): Promise<void> {
  const [first, ...others] = lists as [Memberlist, ...Memberlist[]];
  await Promise.all(others.map((list) => list.join([first.localNode.address])));
}

const shutdownAll = (lists: readonly Memberlist[]): Promise<unknown> =>
  Promise.all(lists.map((list) => list.shutdown()));

for (let round = 1; round <= ROUNDS; round++) {
  test(`fifty nodes that join at once all see fifty within 5 s (${round})`, async (t) => {
    const lists = await createAll();
    try {
      await joinAll(lists);
      const seeAll = (): boolean => lists.every(({ numMembers }) => numMembers === NODES);
      const ms = await until('all see all', seeAll, 5000);
      t.diagnostic(`all saw all ${ms.toFixed(0)} ms after the last join`);
    } finally {
      await shutdownAll(lists);
    }
  });
}

test('one that stops without leaving is failed for all within 15 s, and nobody else is', async (t) => {
  const lists = await createAll();
  const failed: string[] = [];
  for (const list of lists) {
    list.on('leave', ({ name }, reason) => failed.push(`${name} ${reason} at ${list.config.name}`));
  }
  try {
    await joinAll(lists);
    await until('all see all', () => lists.every(({ numMembers }) => numMembers === NODES), 5000);
    const victim = lists.pop()!;
    const { name } = victim.localNode;
    await victim.shutdown();
    const allKnow = (): boolean => lists.every((list) => list.member(name)?.state === 'dead');
    const ms = await until('all have it as failed', allKnow, 15_000);
    t.diagnostic(`all had it as failed after ${ms.toFixed(0)} ms`);
    assert.equal(failed.length, lists.length);
    assert.ok(
      failed.every((line) => line.startsWith(`${name} failed`)),
      failed.join(', '),
    );
  } finally {
    await shutdownAll(lists);
  }
});
