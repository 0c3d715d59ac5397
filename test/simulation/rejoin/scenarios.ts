/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Clusters that must find together again by themselves: each scenario for any seed. No code of an
// application's takes part; what is asserted holds for every seed.
import assert from 'node:assert/strict';
import {
  SeededRandom,
  SimulatedCluster,
  type SimulatedConfig,
} from '../../../src/testing/index.js';
import { joined } from '../worlds.js';
import { NameServer } from './name-server.js';

/** What a scenario measures, for the summary. */
export type Measured = Readonly<Record<string, number>>;
/** Runs one seed. @throws AssertionError or TimeoutError when something does not hold */
export type Scenario = (seed: number) => Promise<Measured>;

const minute = 60_000;
const intervalMs = 30_000;
/** Of the names that come back at another address. */
const reclaiming: SimulatedConfig = { deadNodeReclaimTime: 1_000 };

async function end(cluster: SimulatedCluster): Promise<void> {
  await cluster.close();
  assert.equal(cluster.timersLeft, 0, 'timers were left behind');
}

/** Cuts six nodes in two for ten minutes, until each side has forgotten the other. */
function cutInTwo(left: number): Scenario {
  return async (seed) => {
    const cluster = await joined({ size: 6, seed: `cut ${left} ${seed}` });
    const names = cluster.names();
    const sides = [names.slice(0, left), names.slice(left)] as const;
    cluster.partition(sides);
    await cluster.run(10 * minute);
    for (const [i, side] of sides.entries()) {
      for (const observer of side) {
        for (const other of sides[1 - i] ?? []) {
          assert.equal(cluster.node(observer).member(other), undefined, 'it is forgotten');
        }
      }
    }
    cluster.heal();
    const healMs = await cluster.runUntil(() => cluster.converged(), { timeout: 3 * intervalMs });
    await end(cluster);
    return { healMs };
  };
}

/**
 * All but one die, and start again at new addresses. The name server goes on telling the old ones for
 * a while, then knows nobody, then tells the new ones.
 */
async function allButOneReborn(seed: number): Promise<Measured> {
  const dns = new NameServer();
  const dice = new SeededRandom(`reborn ${seed}`);
  const config = { ...reclaiming, seeds: ['gossip.example.org'] };
  const { resolver } = dns;
  const cluster = await SimulatedCluster.createWith(
    { size: 5, seed: `reborn ${seed}`, config },
    () => ({ resolver }),
  );
  const publish = (): void => {
    dns.addresses = cluster.names().map((name) => cluster.node(name).localNode.address);
  };
  await cluster.run(2_000);
  publish();
  const meetMs = await cluster.runUntil(() => cluster.converged(), { timeout: minute });
  const survivor = `n${Math.floor(dice.next() * 5)}`;
  const dead = cluster.names().filter((name) => name !== survivor);
  dns.addresses = dead.map((name) => cluster.node(name).localNode.address);
  for (const name of dead) cluster.crash(name);
  await cluster.run(dice.next() * 2 * minute);
  for (const name of dead) await cluster.restart(name, { addr: 'new', join: false });
  await cluster.run(dice.next() * minute);
  dns.addresses = undefined;
  await cluster.run(dice.next() * minute);
  publish();
  const healMs = await cluster.runUntil(() => cluster.converged(), { timeout: 3 * intervalMs });
  assert.ok(dns.asked > 0);
  await end(cluster);
  return { meetMs, healMs };
}

/** A hundred nodes of which ten are gone for an hour. */
async function tenOfAHundredLost(seed: number): Promise<Measured> {
  let attempts = 0;
  const count = (_line: string, fields?: object): void => {
    const { code, suppressed = 0 } = fields as { code?: string; suppressed?: number };
    if (code === 'rejoin-failed' || code === 'rejoined') attempts += 1 + suppressed;
  };
  const nothing = (): void => undefined;
  const logger = { debug: count, info: count, warn: nothing, error: nothing };
  // All else is slower than by default, for an hour of a hundred nodes takes long enough.
  const slow = { probeInterval: 30_000, gossipInterval: 5_000, pushPullInterval: 10 * minute };
  const config: SimulatedConfig = { ...slow, enableCompression: false, logger };
  const cluster = await joined({ size: 100, seed: `lost ${seed}`, config });
  const lost = cluster.names().slice(90);
  for (const name of lost) cluster.crash(name, { silent: seed % 2 === 0 });
  const hour = 60 * minute;
  await cluster.run(hour);
  const perPeerAndInterval = attempts / lost.length / (hour / intervalMs);
  assert.ok(perPeerAndInterval <= 1, `${perPeerAndInterval} attempts`);
  assert.ok(attempts > 0, 'they are looked for');
  await end(cluster);
  return { perPeerAndInterval };
}

/** Twenty pods are restarted one after the other, and each gets the address that the next one had. */
async function rollingRestart(seed: number): Promise<Measured> {
  const dns = new NameServer();
  const dice = new SeededRandom(`rolling ${seed}`);
  const config = { ...reclaiming, seeds: ['gossip.example.org'] };
  const { resolver } = dns;
  const cluster = await SimulatedCluster.createWith(
    { size: 20, seed: `rolling ${seed}`, config },
    () => ({ resolver }),
  );
  const publish = (): void => {
    dns.addresses = cluster.names().map((name) => cluster.node(name).localNode.address);
  };
  publish();
  await cluster.runUntil(() => cluster.converged(), { timeout: minute });
  let addr = 'new';
  for (const name of [...cluster.names()].reverse()) {
    const { address } = cluster.node(name).localNode;
    // Every other seed has pods that are killed rather than stopped.
    if (seed % 2 === 0) await cluster.leave(name);
    else cluster.crash(name);
    await cluster.run(500 + dice.next() * 2_000);
    await cluster.restart(name, { addr, join: false });
    publish();
    const list = cluster.node(name);
    await cluster.during(list.ready({ timeout: minute }));
    await cluster.run(1_000 + dice.next() * 4_000);
    addr = address;
  }
  const agreeMs = await cluster.runUntil(() => sameEverywhere(cluster), { timeout: minute });
  await cluster.run(2 * minute);
  assert.ok(sameEverywhere(cluster), 'and it stays so');
  await end(cluster);
  return { agreeMs };
}

/** Under 30 % loss ten of fifty leave, one after the other, and three of them come back. */
async function leaveUnderLoss(seed: number): Promise<Measured> {
  const config: SimulatedConfig = { enableCompression: false };
  const cluster = await joined({ size: 50, seed: `leave ${seed}`, config });
  cluster.network.change({ loss: 0.3 });
  let left = 0;
  let failed = 0;
  const leaving = new Set<string>();
  cluster.on('event', (_observer, event) => {
    if (event.type !== 'leave' || !leaving.has(event.node.name)) return;
    if (event.reason === 'left') left++;
    else failed++;
  });
  const timeout = 10_000;
  let leaveMs = 0;
  for (let i = 0; i < 10; i++) {
    const name = `n${5 * i}`;
    leaving.add(name);
    const list = cluster.node(name);
    const { incarnation } = list.localNode;
    const startedAt = cluster.now;
    if (i % 3 !== 0) await cluster.leave(name, { timeout });
    else {
      await cluster.during(list.leave({ timeout }));
      await cluster.run(2_000);
    }
    leaveMs = Math.max(leaveMs, cluster.now - startedAt - (i % 3 === 0 ? 2_000 : 0));
    await cluster.run(5_000);
    if (i % 3 !== 0 || i === 0) continue;
    leaving.delete(name);
    // One dial in hundreds fails under such loss: as an application would, through several.
    const seeds = ['n1', 'n2', 'n3'].map((other) => cluster.node(other).localNode.address);
    await cluster.during(list.join(seeds));
    assert.ok(list.localNode.incarnation > incarnation, 'it comes back above its old self');
  }
  assert.ok(leaveMs <= timeout);
  const share = left / (left + failed);
  assert.ok(share >= 0.99, `${share} of the members saw it leave`);
  cluster.crash('n0');
  cluster.network.change({ loss: 0 });
  await cluster.runUntil(() => cluster.converged(), { timeout: 5 * minute });
  await end(cluster);
  return { leaveMs, failedShare: 1 - share };
}

/** Everybody lists everybody, alive, at the address that it has. */
function sameEverywhere(cluster: SimulatedCluster): boolean {
  if (!cluster.converged()) return false;
  return cluster.names().every((observer) =>
    cluster
      .node(observer)
      .members()
      .every(({ name, address }) => cluster.node(name).localNode.address === address),
  );
}

/** The scenarios, by name. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'six cut three and three': cutInTwo(3),
  'six cut one and five': cutInTwo(1),
  'all but one reborn elsewhere': allButOneReborn,
  'ten of a hundred lost for an hour': tenOfAHundredLost,
  'ten of fifty leave under loss': leaveUnderLoss,
  'twenty restarted, each at the address of the next': rollingRestart,
};
