/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Shared state in simulated clusters.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createState, type State } from '../../src/state/index.js';
import { extensionContract, SimulatedCluster } from '../../src/testing/index.js';

type Values = Record<string, unknown>;

for (const { name, run } of extensionContract(() => createState())) {
  test(`state: ${name}`, run);
}

async function clusterOf(
  size: number,
  network: { loss?: number } = {},
): Promise<{ cluster: SimulatedCluster; states: Map<string, State> }> {
  const states = new Map<string, State>();
  const cluster = await SimulatedCluster.create({
    ...{ size, seed: 'state', network },
    config: (name) => {
      const state = createState();
      states.set(name, state);
      return { use: [state] };
    },
  });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  return { cluster, states };
}

function viewOf(state: State): Map<string, Values> {
  return new Map([...state.entries()].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function areEqual(states: Map<string, State>): boolean {
  const texts = [...states.values()].map((state) => JSON.stringify([...viewOf(state)]));
  return texts.every((text) => text === texts[0]);
}

test('writes reach all nodes within some milliseconds', async () => {
  const { cluster, states } = await clusterOf(10);
  states.get('n3')?.set('load', 0.5);
  const all = [...states.values()];
  const took = await cluster.runUntil(() => all.every((s) => s.get('n3', 'load') === 0.5));
  assert.ok(took <= 5, `${took} ms`);
  states.get('n3')?.delete('load');
  await cluster.runUntil(() => all.every((s) => s.get('n3', 'load') === undefined));
  assert.ok(areEqual(states));
  await cluster.close();
});

test('100 keys of 20 nodes are equal within 2 s at 20 % loss', async () => {
  const { cluster, states } = await clusterOf(20, { loss: 0.2 });
  for (const [name, state] of states) {
    for (let i = 0; i < 100; i++) state.set(`key-${i}`, `${name} ${i}`);
  }
  const isAll = (): boolean => [...states.values()].every((state) => state.sizes.keys === 2_000);
  const took = await cluster.runUntil(() => isAll() && areEqual(states), { timeout: 20_000 });
  assert.ok(took < 2_000, `${took} ms`);
  await cluster.close();
});
