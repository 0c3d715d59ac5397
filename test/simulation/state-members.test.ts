/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Shared state when members restart, fail, leave, are partitioned, or have wrong clocks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, Extension, ExtensionContext } from '../../src/index.js';
import { createState, type State, type StateOptions } from '../../src/state/index.js';
import { SimulatedCluster } from '../../src/testing/index.js';

interface Options extends StateOptions {
  readonly size: number;
  readonly loss?: number;
  readonly seed?: string;
}

class Cluster {
  readonly states: Map<string, State>;
  readonly simulated: SimulatedCluster;
  /** How far the wall clocks of nodes that start now are ahead. */
  readonly wall: { aheadMs: number };

  private constructor(
    simulated: SimulatedCluster,
    states: Map<string, State>,
    wall: { aheadMs: number },
  ) {
    this.simulated = simulated;
    this.states = states;
    this.wall = wall;
  }

  static async create({ size, loss = 0, seed = 'members', ...options }: Options): Promise<Cluster> {
    const states = new Map<string, State>();
    const wall = { aheadMs: 0 };
    const config = (name: string) => {
      const state = createState(options);
      states.set(name, state);
      return { use: [withWallClock(state, () => wall.aheadMs)] };
    };
    const network = { loss };
    const simulated = await SimulatedCluster.create({ size, seed, network, config });
    await simulated.joinAll();
    await simulated.runUntil(() => simulated.converged());
    return new Cluster(simulated, states, wall);
  }

  state(name: string): State {
    return this.states.get(name)!;
  }

  /** Until all running nodes except some read a value. */
  async untilAllRead(name: string, key: string, value: unknown, timeout = 20_000): Promise<number> {
    const readers = this.simulated.names().map((each) => this.state(each));
    return this.simulated.runUntil(() => readers.every((r) => r.get(name, key) === value), {
      timeout,
    });
  }
}

/** The same extension, with a wall clock that is ahead by what it is at its start. */
function withWallClock(state: State, aheadMs: () => number): Extension {
  return {
    name: state.name,
    version: state.version!,
    attach: (context) => {
      const ahead = aheadMs();
      const { clock } = context;
      const ours: Clock = {
        now: () => clock.now(),
        wallNow: () => clock.now() + ahead,
        setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
        afterTurn: (callback) => clock.afterTurn(callback),
      };
      return state.attach(Object.create(context, { clock: { value: ours } }) as ExtensionContext);
    },
  };
}

test('a node that joins has everything, and everybody has what it wrote before', async () => {
  const cluster = await Cluster.create({ size: 10 });
  const { simulated } = cluster;
  for (const [name, state] of cluster.states) {
    for (let i = 0; i < 200; i++) state.set(`key-${i}`, `${name} ${i}`);
  }
  await cluster.untilAllRead('n9', 'key-199', 'n9 199');
  const early = createState();
  early.set('http', 8080);
  early.set('gone', 1);
  early.delete('gone');
  const startedAt = simulated.now;
  await simulated.addNode('late', { config: { use: [early] } });
  cluster.states.set('late', early);
  await simulated.runUntil(() => early.sizes.keys === 2_001);
  assert.ok(simulated.now - startedAt < 500, `${simulated.now - startedAt} ms`);
  await cluster.untilAllRead('late', 'http', 8080);
  assert.ok(simulated.now - startedAt < 3_000, `${simulated.now - startedAt} ms`);
  assert.deepEqual(cluster.state('n0').of('late'), { http: 8080 });
  await simulated.close();
});

test('a restarted node replaces its earlier map, also if it writes nothing', async () => {
  const cluster = await Cluster.create({ size: 5 });
  const { simulated } = cluster;
  cluster.state('n1').set('a', 1);
  cluster.state('n2').set('a', 1);
  await cluster.untilAllRead('n2', 'a', 1);
  simulated.crash('n1');
  simulated.crash('n2');
  await simulated.restart('n1');
  await simulated.restart('n2');
  cluster.state('n1').set('b', 2);
  await cluster.untilAllRead('n1', 'b', 2);
  await cluster.untilAllRead('n1', 'a', undefined);
  await cluster.untilAllRead('n2', 'a', undefined);
  await simulated.close();
});

test('the map of a member that failed is kept for keepAfterLeave, with events when it is dropped', async () => {
  const cluster = await Cluster.create({ size: 4, keepAfterLeave: 10_000 });
  const { simulated } = cluster;
  cluster.state('n1').set('a', 1);
  await cluster.untilAllRead('n1', 'a', 1);
  const reader = cluster.state('n0');
  const changes: unknown[] = [];
  reader.on('change', (change) => changes.push(change));
  simulated.crash('n1');
  await simulated.runUntil(() => simulated.node('n0').member('n1')?.state === 'dead');
  await simulated.run(9_900);
  assert.equal(reader.get('n1', 'a'), 1);
  assert.deepEqual(changes, []);
  await simulated.run(200);
  assert.equal(reader.get('n1', 'a'), undefined);
  assert.deepEqual(changes, [{ name: 'n1', key: 'a', value: undefined, previous: 1 }]);
  assert.equal(reader.sizes.nodes, 3);
  // The others have dropped it as well, and nobody brings it back.
  await simulated.run(30_000);
  assert.ok(simulated.names().every((name) => cluster.state(name).sizes.nodes === 3));
  await simulated.close();
});

test('with keepAfterLeave 0 a map is dropped at once', async () => {
  const cluster = await Cluster.create({ size: 3, keepAfterLeave: 0 });
  cluster.state('n1').set('a', 1);
  await cluster.untilAllRead('n1', 'a', 1);
  await cluster.simulated.leave('n1');
  await cluster.simulated.run(1_000);
  assert.equal(cluster.state('n0').get('n1', 'a'), undefined);
  assert.equal(cluster.state('n2').sizes.nodes, 2);
  await cluster.simulated.close();
});

test('both sides of a partition have the same state soon after it has healed', async () => {
  const cluster = await Cluster.create({ size: 10, loss: 0.05, keepDeleted: 20_000 });
  const { simulated } = cluster;
  for (const state of cluster.states.values()) {
    for (let i = 0; i < 50; i++) state.set(`key-${i}`, 'before');
  }
  await cluster.untilAllRead('n9', 'key-49', 'before');
  simulated.partition([['n0', 'n1', 'n2'], simulated.names().slice(3)]);
  await simulated.run(30_000);
  for (const state of cluster.states.values()) {
    for (let i = 0; i < 25; i++) state.delete(`key-${i}`);
    state.set('key-49', 'after');
  }
  // The deletes are forgotten: the other side needs whole maps.
  await simulated.run(120_000);
  simulated.heal();
  await simulated.runUntil(() => simulated.converged(), { timeout: 300_000 });
  for (const name of simulated.names()) await cluster.untilAllRead(name, 'key-49', 'after');
  for (const state of cluster.states.values()) assert.equal(state.sizes.keys, 10 * 25);
  await simulated.close();
});

test('a member that returns without a restart keeps its map', async () => {
  const cluster = await Cluster.create({ size: 6, keepAfterLeave: 300_000 });
  const { simulated } = cluster;
  cluster.state('n1').set('a', 1);
  await cluster.untilAllRead('n1', 'a', 1);
  const changes: unknown[] = [];
  cluster.state('n0').on('change', (change) => changes.push(change));
  simulated.partition([['n1'], simulated.names().filter((name) => name !== 'n1')]);
  await simulated.runUntil(() => simulated.node('n0').member('n1')?.state === 'dead', {
    timeout: 120_000,
  });
  simulated.heal();
  await simulated.runUntil(() => simulated.converged(), { timeout: 300_000 });
  await simulated.run(5_000);
  assert.equal(cluster.state('n0').get('n1', 'a'), 1);
  assert.deepEqual(changes, []);
  await simulated.close();
});

test('keys with a time to live disappear everywhere, also when their owner has died', async () => {
  const cluster = await Cluster.create({ size: 4, keepAfterLeave: 300_000 });
  const { simulated } = cluster;
  cluster.state('n1').set('short', 1, { ttl: 5_000 });
  cluster.state('n2').set('short', 1, { ttl: 5_000 });
  cluster.state('n2').set('renewed', 1, { ttl: 5_000 });
  await cluster.untilAllRead('n2', 'renewed', 1);
  await simulated.run(1_000);
  cluster.state('n2').set('renewed', 1, { ttl: 60_000 });
  await simulated.run(100);
  simulated.crash('n1');
  const changes: unknown[] = [];
  cluster.state('n0').on('change', ({ name, key, value }) => changes.push([name, key, value]));
  await simulated.run(3_800);
  assert.equal(cluster.state('n0').get('n1', 'short'), 1);
  await simulated.run(200);
  assert.equal(cluster.state('n0').get('n1', 'short'), undefined);
  assert.deepEqual(cluster.state('n0').of('n2'), { renewed: 1 });
  assert.deepEqual(cluster.state('n2').own, { renewed: 1 });
  assert.deepEqual(changes.sort(), [
    ['n1', 'short', undefined],
    ['n2', 'short', undefined],
  ]);
  await simulated.close();
});

test('a key that expires is visible until the listeners are told', async () => {
  const cluster = await Cluster.create({ size: 3 });
  const { simulated } = cluster;
  const reader = cluster.state('n0');
  const told = new Map<string, unknown>();
  reader.on('change', ({ key, value }) => {
    if (value === undefined) told.delete(key);
    else told.set(key, value);
  });
  // Keys that expire sooner after each other than the node looks for them.
  for (let i = 0; i < 20; i++) cluster.state('n1').set(`key-${i}`, i, { ttl: 20 + i });
  let most = 0;
  for (let ms = 0; ms < 60; ms++) {
    await simulated.run(1);
    assert.deepEqual(reader.of('n1'), Object.fromEntries(told));
    assert.deepEqual([...reader.keys('n1')], [...told.keys()]);
    most = Math.max(most, told.size);
  }
  assert.equal(most, 20);
  assert.equal(told.size, 0);
  await simulated.close();
});

test('a node whose clock went back between two runs publishes its map again', async () => {
  const cluster = await Cluster.create({ size: 5 });
  const { simulated } = cluster;
  cluster.wall.aheadMs = 3_600_000;
  simulated.crash('n1');
  await simulated.restart('n1');
  cluster.state('n1').set('a', 'ahead');
  await cluster.untilAllRead('n1', 'a', 'ahead');
  cluster.wall.aheadMs = 0;
  simulated.crash('n1');
  await simulated.restart('n1');
  cluster.state('n1').set('a', 'back');
  await cluster.untilAllRead('n1', 'a', 'back', 3_000);
  await simulated.close();
});

test('in a cluster of 100 a write reaches all although it is sent to some', async () => {
  const cluster = await Cluster.create({ size: 100, seed: 'large' });
  const { simulated } = cluster;
  await simulated.run(10_000);
  const before = simulated.stats().packets;
  cluster.state('n7').set('a', 1);
  const took = await cluster.untilAllRead('n7', 'a', 1);
  assert.ok(took < 500, `${took} ms`);
  assert.ok(simulated.stats().packets - before < 100 * 12);
  await simulated.close();
});

test('large values and many keys arrive over streams', async () => {
  const cluster = await Cluster.create({ size: 5, loss: 0.1 });
  const { simulated } = cluster;
  cluster.state('n0').set('large', 'x'.repeat(100_000));
  for (let i = 0; i < 1_000; i++) cluster.state('n1').set(`key-${i}`, i);
  const readers = [...cluster.states.values()];
  const took = await simulated.runUntil(() =>
    readers.every(
      (state) =>
        (state.get('n0', 'large') as string | undefined)?.length === 100_000 &&
        state.get('n1', 'key-999') === 999,
    ),
  );
  assert.ok(took < 2_000, `${took} ms`);
  await simulated.close();
});

test('an idle cluster sends one small packet a second from each node', async () => {
  const cluster = await Cluster.create({ size: 10 });
  const { simulated } = cluster;
  for (const state of cluster.states.values()) state.set('a', 1);
  await simulated.run(60_000);
  const sent = async (): Promise<[number, number]> => {
    const before = simulated.stats();
    await simulated.run(60_000);
    const after = simulated.stats();
    return [after.packets - before.packets, after.packetBytes - before.packetBytes];
  };
  const [packets, bytes] = await sent();
  const plain = await SimulatedCluster.create({ size: 10, seed: 'members' });
  await plain.joinAll();
  await plain.run(60_000);
  const before = plain.stats();
  await plain.run(60_000);
  const after = plain.stats();
  assert.ok(packets - (after.packets - before.packets) <= 10 * 66);
  assert.ok(bytes - (after.packetBytes - before.packetBytes) <= 10 * 66 * 60);
  await plain.close();
  await simulated.close();
});
