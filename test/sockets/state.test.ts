/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Shared state on real sockets.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { lanConfig, Memberlist } from '../../src/index.js';
import { createState, type State } from '../../src/state/index.js';

interface Started {
  readonly list: Memberlist;
  readonly state: State;
}

async function start(
  t: TestContext,
  name: string,
  write?: (state: State) => void,
): Promise<Started> {
  const state = createState();
  write?.(state);
  const config = { ...lanConfig(), name, bindAddr: '127.0.0.1', bindPort: 0, use: [state] };
  const list = await Memberlist.create(config);
  t.after(() => list.shutdown());
  return { list, state };
}

/** Milliseconds until a condition holds, checked at each change of the states; rejects after the limit. */
function timeUntil(
  states: readonly State[],
  holds: () => boolean,
  withinMs: number,
): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const settle = (then: () => void): void => {
      clearTimeout(deadline);
      for (const state of states) state.off('change', look);
      then();
    };
    const look = (): void => {
      if (holds()) settle(() => resolve(performance.now() - startedAt));
    };
    const deadline = setTimeout(
      () => settle(() => reject(new Error(`not within ${withinMs} ms`))),
      withinMs,
    );
    for (const state of states) state.on('change', look);
    look();
  });
}

test('a node that joins 50 nodes with 200 keys each has everything', async (t) => {
  const nodes = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      start(t, `n${n}`, (state) => {
        for (let key = 0; key < 200; key++) state.set(`key-${key}`, `n${n} ${key}`);
      }),
    ),
  );
  const seed = nodes[0]!.list.localNode.address;
  for (const { list } of nodes.slice(1)) await list.join([seed]);
  const states = nodes.map(({ state }) => state);
  const isFull = (state: State): boolean => state.sizes.keys === 10_000;
  const formedMs = await timeUntil(states, () => states.every(isFull), 60_000);
  t.diagnostic(`50 nodes have everything ${Math.round(formedMs)} ms after the last join`);
  const late = await start(t, 'late');
  const startedAt = performance.now();
  let changed = 0;
  late.state.on('change', () => changed++);
  await late.list.join([seed]);
  await timeUntil([late.state], () => isFull(late.state), 60_000);
  const tookMs = performance.now() - startedAt;
  t.diagnostic(`a node that joins has everything after ${Math.round(tookMs)} ms`);
  assert.equal(changed, 10_000);
  assert.equal(late.state.get('n49', 'key-199'), 'n49 199');
});

test('a write reaches the others in some milliseconds, small or large', async (t) => {
  const nodes = [await start(t, 'a'), await start(t, 'b'), await start(t, 'c')];
  const [a, b, c] = nodes as [Started, Started, Started];
  await b.list.join([a.list.localNode.address]);
  await c.list.join([a.list.localNode.address]);
  await Promise.all(nodes.map(({ list }) => list.ready({ minMembers: 3 })));
  const readers = [b.state, c.state];
  for (const value of ['small', 'x'.repeat(50_000)]) {
    a.state.set('text', value);
    const has = (): boolean => readers.every((state) => state.get('a', 'text') === value);
    const tookMs = await timeUntil(readers, has, 5_000);
    t.diagnostic(`${value.length} characters after ${tookMs.toFixed(1)} ms`);
  }
});
