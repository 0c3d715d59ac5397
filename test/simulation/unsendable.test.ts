/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Behaviour, section 3.7: addresses that the system of the sender does not send to.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SimulatedCluster } from '../../src/testing/index.js';
import { Log } from '../unit/memberlist/cluster.js';

/** Refuses whatever a node sends to the others. */
function refuseAll(cluster: SimulatedCluster, from: string, sendError: string): void {
  for (const to of cluster.names()) {
    if (to !== from) cluster.link(from, to, { sendError });
  }
}

async function joined(size: number, log = new Log()): Promise<SimulatedCluster> {
  const config = (name: string) => (name === 'n0' ? { logger: log } : {});
  const cluster = await SimulatedCluster.create({ size, seed: 4, config });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  return cluster;
}

suite('a system that does not send', () => {
  for (const code of ['EPERM', 'EACCES', 'EAFNOSUPPORT', 'EINVAL', 'EMSGSIZE', 'ENETUNREACH']) {
    test(`a dead member whose address gives ${code} is found dead in the usual time`, async () => {
      await using cluster = await joined(2);
      cluster.link('n0', 'n1', { sendError: code });
      cluster.crash('n1', { silent: true });
      const list = cluster.node('n0');
      await cluster.runUntil(() => list.member('n1')?.state === 'dead', { timeout: 30_000 });
    });
  }

  test('a living member that one node cannot send to stays alive by the help of others', async () => {
    await using cluster = await joined(6);
    const left: string[] = [];
    cluster.on('event', (_, event) => event.type === 'leave' && left.push(event.node.name));
    cluster.link('n0', 'n1', { sendError: 'EPERM' });
    await cluster.run(120_000);
    assert.deepEqual(left, []);
    assert.equal(cluster.node('n0').healthScore, 0);
  });

  test('a system that has no room for packets at times costs nobody a suspicion', async () => {
    await using cluster = await joined(2);
    const told: string[] = [];
    cluster.on('event', (_, event) => told.push(event.type));
    refuseAll(cluster, 'n0', 'ENOBUFS');
    await cluster.run(20_000);
    assert.deepEqual(
      told.filter((type) => type !== 'health'),
      [],
    );
    assert.ok(cluster.node('n0').healthScore > 0, 'a whole pass without a ping is our own fault');
  });

  test('a node that can send nothing doubts itself, is isolated, and says once why', async () => {
    const log = new Log();
    await using cluster = await joined(6, log);
    const list = cluster.node('n0');
    const told: string[] = [];
    list.on('isolated', () => told.push('isolated'));
    list.on('quorum-restored', () => told.push('quorum-restored'));
    refuseAll(cluster, 'n0', 'EPERM');
    const startedAt = cluster.now;
    await cluster.runUntil(() => told.includes('isolated'), { timeout: 60_000 });
    assert.ok(list.numMembers > 1, 'before everybody is declared dead');
    assert.ok(list.healthScore >= 1);
    await cluster.run(60_000 - (cluster.now - startedAt));
    const warnings = log.of('sends-failed');
    assert.equal(warnings.length, 1);
    assert.equal(warnings[0]?.level, 'warn');
    assert.match(warnings[0].message, /EPERM/);
    // Of each peer's address at most one line in ten seconds.
    assert.ok(log.of('probe-send-failed').length <= 7);
    cluster.heal();
    await cluster.runUntil(() => told.includes('quorum-restored'), { timeout: 300_000 });
    await cluster.runUntil(() => cluster.converged(), { timeout: 300_000 });
    assert.equal(log.of('sends-recovered').length, 1);
    assert.deepEqual(told, ['isolated', 'quorum-restored']);
  });
});
