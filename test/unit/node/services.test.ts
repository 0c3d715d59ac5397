/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Registry } from 'prom-client';
import { ShutdownError } from '../../../src/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

async function pair(logger = {}): Promise<SimulatedCluster> {
  const cluster = await SimulatedCluster.create({ size: 2, config: logger });
  await cluster.joinAll();
  return cluster;
}

suite('a service', () => {
  test('is notified of members, of own metadata, of leave, return and shutdown', async () => {
    await using cluster = await pair();
    const list = cluster.node('n0');
    const heard: string[] = [];
    list.on('leave', () => heard.push('listener'));
    list.addService({
      name: 'test',
      changed: (event) => {
        if ('node' in event) heard.push(`${event.type} ${event.node.name}`);
      },
      updated: () => void heard.push('updated'),
      leaving: () => {
        heard.push('leaving');
        return undefined;
      },
      resumed: () => void heard.push('resumed'),
      stopped: () => void heard.push('stopped'),
    });
    await cluster.during(list.setMeta({ role: 'web' }));
    await cluster.leave('n1');
    await cluster.runUntil(() => heard.includes('listener'));
    await cluster.during(list.leave());
    await cluster.addNode('n2', { join: false });
    await cluster.during(list.join([cluster.node('n2').localNode.address]));
    await list.shutdown();
    assert.deepEqual(heard, [
      ...['updated', 'leave n1', 'listener', 'leaving', 'resumed', 'join n2', 'stopped'],
    ]);
    assert.throws(() => list.addService({ name: 'late' }), ShutdownError);
  });

  test('delays a leave for as long as its timeout', async () => {
    await using cluster = await pair();
    const list = cluster.node('n0');
    let signal: AbortSignal | undefined;
    list.addService({
      name: 'slow',
      leaving: (given) => {
        signal = given;
        return new Promise(() => undefined);
      },
    });
    const left = list.leave({ timeout: 500 });
    left.catch(() => undefined);
    await cluster.run(400);
    assert.equal(cluster.node('n1').member('n0')?.state, 'alive');
    await assert.rejects(cluster.during(left), /leave did not finish/);
    assert.equal(signal?.aborted, true);
    await cluster.runUntil(() => cluster.node('n1').member('n0')?.state === 'left');
  });

  test('that throws, rejects or leaves timers behind disturbs nothing', async () => {
    const logged: string[] = [];
    const log = (message: string): void => void logged.push(message);
    const cluster = await pair({
      logger: { debug: () => 0, info: () => 0, warn: log, error: log },
    });
    const list = cluster.node('n0');
    const fail = (): never => {
      throw new Error('on purpose');
    };
    const context = list.addService({
      name: 'broken',
      changed: fail,
      updated: () => Promise.reject(new Error('late')) as never,
      leaving: fail,
      stopped: fail,
    });
    context.clock.setTimer(10, fail);
    context.clock.setTimer(1e9, fail);
    const removed = list.addService({ name: 'removed', changed: fail, stopped: fail });
    removed.clock.setTimer(1e9, fail);
    removed.remove();
    await cluster.run(20);
    await cluster.during(list.setMeta({ role: 'web' }));
    cluster.crash('n1');
    await cluster.run(20_000);
    await cluster.during(list.leave());
    await cluster.close();
    assert.match(logged.join('\n'), /broken: changed threw: on purpose/);
    assert.ok(!logged.join().includes('removed'));
    assert.equal(cluster.timersLeft, 0);
    assert.deepEqual(cluster.internalErrors, []);
  });

  test('shares metrics with services of its kind, and its gauges end with it', async () => {
    const registry = new Registry();
    await using cluster = await pair({ metrics: { registry } });
    const list = cluster.node('n0');
    const services = ['first', 'second'].map((name) =>
      list.addService({ name, metrics: 'my-kind' }),
    );
    for (const { metrics } of services) {
      metrics.counter('done_total', 'Done.').inc(2);
      metrics.gauge('open', 'Open.', () => 5);
    }
    const value = async (name: string): Promise<unknown> =>
      (await registry.getSingleMetric(`memberlist_my_kind_${name}`)?.get())?.values[0]?.value;
    assert.deepEqual([await value('done_total'), await value('open')], [4, 10]);
    services[0]!.remove();
    assert.deepEqual([await value('done_total'), await value('open')], [4, 5]);
    await list.shutdown();
    assert.equal(await value('open'), undefined);
  });

  test('draws its own random numbers', async () => {
    await using cluster = await pair();
    const list = cluster.node('n0');
    const draws = ['a', 'a', 'b'].map((name) => list.addService({ name }).random.next());
    assert.equal(new Set(draws).size, 3);
  });
});
