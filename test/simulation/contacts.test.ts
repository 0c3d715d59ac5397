/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Every way to join and to be joined has the same effects, in whole simulated clusters.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { SnapshotFiles } from '../../src/discovery/snapshot-files.js';
import type { SavedPeer } from '../../src/discovery/snapshot.js';
import type { Memberlist } from '../../src/index.js';
import { serf } from '../../src/serf/index.js';
import { SimulatedCluster, type SimulatedConfig } from '../../src/testing/index.js';
import { end, joined } from './worlds.js';

const minute = 60_000;
const hour = 60 * minute;
const [agentAddr, guestAddr] = ['10.9.0.1:7946', '10.9.0.2:7946'];

/** A snapshot, in memory. */
class Saved implements SnapshotFiles {
  text: string | undefined;

  constructor(members: readonly SavedPeer[], name = 'guest') {
    this.text = JSON.stringify({ version: 1, name, incarnation: 1, members });
  }

  problemWith(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  read(): Promise<string | undefined> {
    return Promise.resolve(this.text);
  }

  replace(_path: string, text: string): Promise<void> {
    this.text = text;
    return Promise.resolve();
  }

  setAside(path: string): Promise<string> {
    return Promise.resolve(path);
  }
}

const restored: SimulatedConfig = { snapshot: { path: 'snapshot' } };

const seeds: SimulatedConfig = { seeds: [agentAddr] };
const known = [{ name: 'agent', addr: agentAddr }];
const ways: Record<
  string,
  {
    config?: SimulatedConfig;
    files?: SnapshotFiles;
    join?: (a: Memberlist, b: Memberlist) => Promise<unknown>;
  }
> = {
  'by join()': { join: (_agent, guest) => guest.join([agentAddr]) },
  'by seeds': { config: seeds },
  'by a snapshot': { config: restored, files: new Saved(known) },
  'as others join it': { join: (agent) => agent.join([guestAddr]) },
};

suite('a guest that comes', () => {
  for (const [how, { config = {}, files, join }] of Object.entries(ways)) {
    test(`${how} says that it has joined, and hears the events of a partition after it`, async () => {
      const cluster = await SimulatedCluster.createWith({ size: 0, seed: how }, (name) =>
        name === 'guest' ? { files } : {},
      );
      const [agent, guest] = [serf(), serf()];
      const a = await cluster.addNode('agent', {
        config: { use: [agent] },
        addr: agentAddr,
        join: false,
      });
      agent.sendEvent('too early');
      const intents: string[] = [];
      a.on('message', (payload) => {
        if (payload[0] === 1 && payload.includes('guest')) intents.push('join');
      });
      const own = { use: [guest], ...config };
      const b = await cluster.addNode('guest', { config: own, addr: guestAddr, join: false });
      const heard: string[] = [];
      guest.on('event', ({ name }) => heard.push(name));
      if (join !== undefined) await cluster.during(join(a, b));
      await cluster.runUntil(() => cluster.converged() && intents.length > 0, { timeout: minute });
      // Whoever is joined hears what was said before, as with Serf; whoever joins does not.
      assert.deepEqual(heard, how === 'as others join it' ? ['too early'] : []);
      heard.length = 0;
      agent.sendEvent('before');
      await cluster.runUntil(() => heard.length > 0);
      cluster.partition([['agent'], ['guest']]);
      await cluster.run(2 * minute);
      agent.sendEvent('during the partition');
      await cluster.run(minute);
      cluster.heal();
      await cluster.runUntil(() => cluster.converged(), { timeout: 5 * minute });
      agent.sendEvent('after');
      await cluster.run(minute);
      assert.deepEqual(heard, ['before', 'during the partition', 'after']);
      await end(cluster);
    });
  }
});

suite('an address that a node of another cluster has by now', () => {
  const slow = { probeInterval: 30_000, gossipInterval: 5_000, pushPullInterval: 10 * minute };
  const gaps: [gap: string, gapMs: number, config: SimulatedConfig][] = [
    // At usual settings, or the member would not be found dead by then.
    ['three minutes', 3 * minute, {}],
    ['six hours', 6 * hour, slow],
    ['two days', 48 * hour, slow],
  ];

  for (const [gap, gapMs, config] of gaps) {
    test(`after ${gap}: the clusters stay apart, and the member is found once it is back`, async () => {
      const codes = new Map<string, number>();
      const count = (_line: string, { code }: { code: string }): void => {
        codes.set(code, (codes.get(code) ?? 0) + 1);
      };
      const logger = { debug: count, info: count, warn: count, error: count };
      const cluster = await joined({ size: 5, seed: gap, config: { ...config, logger } });
      const { address: addr } = cluster.node('n4').localNode;
      cluster.crash('n4', { silent: true });
      await cluster.run(gapMs);
      codes.clear();
      for (const name of ['b0', 'b1']) await cluster.addNode(name, { addr: 'new', join: false });
      await cluster.addNode('b2', { addr, join: false });
      for (const name of ['b1', 'b2']) {
        await cluster.during(cluster.node(name).join([cluster.node('b0').localNode.address]));
      }
      await cluster.run(Math.min(gapMs * 20, 3 * hour));
      assert.ok((codes.get('rejoin-failed') ?? 0) > 0, 'it is still looked for');
      assert.equal(codes.get('rejoined'), undefined);
      const sizes = ['n0', 'n3', 'b0', 'b2'].map((name) => cluster.node(name).numMembers);
      assert.deepEqual(sizes, [4, 4, 3, 3]);
      // The member comes back to its address.
      await cluster.leave('b2');
      await cluster.run(5 * minute);
      await cluster.restart('n4', { addr, join: false });
      const list = cluster.node('n4');
      await cluster.runUntil(() => list.numMembers === 5, { timeout: 3 * hour });
      assert.equal(cluster.node('b0').numMembers, 2);
      await end(cluster);
    });
  }

  test('is not joined by who restarts with an old snapshot', async () => {
    const saved: SavedPeer[] = [];
    const cluster = await SimulatedCluster.createWith(
      { size: 3, seed: 'b', config: slow },
      (name) => (name === 'a9' ? { files: new Saved(saved, 'a9') } : {}),
    );
    await cluster.joinAll();
    const members = cluster.names().map((name, i) => {
      return { name: `a${i}`, addr: cluster.node(name).localNode.address };
    });
    saved.push(...members);
    const list = await cluster.addNode('a9', { config: restored, addr: 'new', join: false });
    await cluster.run(hour);
    assert.equal(list.numMembers, 1);
    assert.equal(cluster.node('n0').numMembers, 3);
    await end(cluster);
  });
});
