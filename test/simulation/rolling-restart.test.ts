/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A deployment is no trouble: five nodes are restarted one after the other, and nobody is to be woken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster } from '../../src/testing/index.js';
import { Log } from '../unit/memberlist/cluster.js';

const SIZE = 5;

/** What five nodes log while each is stopped and started again. */
async function rollingRestart(
  seed: number,
  stop: (cluster: SimulatedCluster, name: string) => unknown,
): Promise<{ log: Log; lives: number }> {
  const log = new Log();
  const cluster = await SimulatedCluster.create({
    size: SIZE,
    seed,
    config: { logger: log },
    network: { latency: { min: 0.5, max: 3 } },
  });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  for (const name of cluster.names()) {
    await stop(cluster, name);
    await cluster.run(3_000);
    await cluster.restart(name);
    await cluster.run(10_000);
  }
  await cluster.runUntil(() => cluster.converged());
  await cluster.run(120_000);
  await cluster.close();
  return { log, lives: log.of('member-left').length };
}

for (const seed of [1, 2, 3]) {
  test(`a rolling restart of five logs nothing at warn or above (seed ${seed})`, async () => {
    const { log, lives } = await rollingRestart(seed, (cluster, name) => cluster.leave(name));
    assert.ok(lives >= SIZE * (SIZE - 1), `${lives} leaves were seen`);
    assert.deepEqual(log.of('member-failed'), []);
    const loud = log.lines.filter(({ level }) => level === 'warn' || level === 'error');
    assert.deepEqual(loud, []);
    assert.ok(log.lines.every(({ fields }) => typeof fields.code === 'string'));
  });

  test(`nor does one in which nobody says good-bye (seed ${seed})`, async () => {
    const { log } = await rollingRestart(seed, (cluster, name) => cluster.crash(name));
    const loud = log.lines.filter(({ level }) => level === 'warn' || level === 'error');
    assert.deepEqual(loud, []);
  });
}
