/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ConfigError, JoinError, type MemberlistConfig, TimeoutError } from '../../src/index.js';
import { SimulatedCluster } from '../../src/testing/index.js';
import { end, joined, record, told } from './worlds.js';

suite('SimulatedCluster', () => {
  test('fifty nodes that join through one come to know each other within seconds', async () => {
    const cluster = await SimulatedCluster.create({ size: 50, seed: 7 });
    const names = Array.from({ length: 50 }, (_, i) => `n${i}`);
    assert.deepEqual(cluster.names(), names);
    assert.equal(cluster.converged(), false);
    await cluster.joinAll();
    const took = await cluster.runUntil(() => cluster.converged(), { timeout: 20_000 });
    assert.ok(took > 0 && took < 20_000);
    for (const name of names) {
      const list = cluster.node(name);
      assert.deepEqual(
        list
          .members()
          .map((member) => member.name)
          .sort(),
        [...names].sort(),
      );
    }
    await end(cluster);
  });

  test('virtual time moves while it is told to, and by no more than that', async () => {
    const cluster = await SimulatedCluster.create({ size: 3 });
    assert.equal(cluster.now, 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(cluster.now, 0);
    await cluster.run(60_000);
    assert.equal(cluster.now, 60_000);
    await cluster.run(0);
    assert.equal(cluster.now, 60_000);
    assert.equal(await cluster.runUntil(() => true), 0);
    await assert.rejects(cluster.run(-1), RangeError);
    await end(cluster);
  });

  test('runs that are asked for at the same time pass the same time', async () => {
    const cluster = await SimulatedCluster.create({ size: 2 });
    const ends: number[] = [];
    const note = async (run: Promise<unknown>): Promise<void> => {
      await run;
      ends.push(cluster.now);
    };
    await Promise.all([note(cluster.run(200)), note(cluster.run(100)), note(cluster.joinAll())]);
    assert.equal(ends.length, 3);
    assert.deepEqual(ends.slice(1), [100, 200]);
    await end(cluster);
  });

  test('runUntil stops at the moment when it holds, and rejects at its timeout', async () => {
    const cluster = await SimulatedCluster.create({ size: 2, seed: 'late' });
    assert.equal(
      (await cluster.runUntil(() => cluster.now >= 250, { timeout: 5_000 })) < 1_000,
      true,
    );
    const startedAt = cluster.now;
    await assert.rejects(
      cluster.runUntil(() => false, { timeout: 3_000 }),
      (error) => {
        assert.ok(error instanceof TimeoutError);
        assert.match(error.message, /seed late/);
        return true;
      },
    );
    assert.equal(cluster.now, startedAt + 3_000);
    const broken = new Error('the condition is broken');
    await assert.rejects(
      cluster.runUntil(() => {
        throw broken;
      }),
      broken,
    );
    await end(cluster);
  });

  test('events are told with their observer, at their virtual time', async () => {
    const cluster = await SimulatedCluster.create({ size: 3, seed: 1 });
    const seen = record(cluster);
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    assert.deepEqual(told(seen, 'join').sort(), [
      'n0: n1',
      'n0: n2',
      'n1: n0',
      'n1: n2',
      'n2: n0',
      'n2: n1',
    ]);
    assert.ok(seen.every(({ at }) => at > 0 && at <= cluster.now));
    assert.deepEqual(cluster.trace(), seen);
    await end(cluster);
  });

  test('the trace keeps the last events only', async () => {
    const cluster = await SimulatedCluster.create({ size: 4, traceLength: 5 });
    const seen = record(cluster);
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    assert.equal(seen.length, 12);
    assert.deepEqual(cluster.trace(), seen.slice(-5));
    await end(cluster);
  });

  test('what a listener throws ends the run', async () => {
    const cluster = await SimulatedCluster.create({ size: 3 });
    const broken = new Error('an invariant does not hold');
    cluster.once('event', () => {
      throw broken;
    });
    await assert.rejects(cluster.joinAll(), broken);
    await cluster.run(1_000);
    await end(cluster);
  });

  test('every node has the configuration that is made for it, and real delegates', async () => {
    const received: string[] = [];
    const config = (name: string, index: number): MemberlistConfig => ({
      probeInterval: 500 + index,
      delegate: {
        nodeMeta: () => Buffer.from(`I am ${name}`),
        notifyMsg: (message, from) => {
          received.push(`${name} got ${message.toString()} from ${from.name}`);
        },
      },
    });
    const cluster = await joined({ size: 3, config });
    assert.equal(cluster.node('n2').config.probeInterval, 502);
    assert.equal(cluster.node('n0').member('n2')?.meta.toString(), 'I am n2');
    const n2 = cluster.node('n0').member('n2')!;
    await cluster.node('n0').sendBestEffort(n2, Buffer.from('a word'));
    await cluster.run(10);
    assert.deepEqual(received, ['n2 got a word from n0']);
    void cluster.node('n0').sendReliable(n2, Buffer.from('a stream'));
    await cluster.run(100);
    assert.equal(received.length, 2);
    await end(cluster);
  });

  test('a cluster may begin with nobody, and take in who comes from elsewhere', async () => {
    const cluster = await SimulatedCluster.create({ size: 0 });
    await assert.rejects(cluster.joinAll(), RangeError);
    await cluster.addNode('first');
    await cluster.addNode('second', { join: true, addr: '[fd00::2]:7946' });
    await cluster.runUntil(() => cluster.converged());
    assert.equal(cluster.node('first').member('second')?.address, '[fd00::2]:7946');
    assert.deepEqual(cluster.names(), ['first', 'second']);
    await end(cluster);
  });

  test('a listener may do to the cluster what a test may', async () => {
    const cluster = await joined({ size: 6, seed: 2 });
    const crashedAt = cluster.now;
    let back: Promise<unknown> | undefined;
    cluster.on('event', (observer, event) => {
      if (event.type !== 'suspect' || back !== undefined) return;
      cluster.crash(observer);
      back = cluster.restart(observer);
    });
    cluster.crash('n3');
    await cluster.runUntil(() => cluster.now > crashedAt && cluster.converged());
    await back;
    assert.ok(back !== undefined);
    await end(cluster);
  });

  test('those with another label or key cannot join, and joinAll says why', async () => {
    for (const other of [{ label: 'other' }, { secretKey: Buffer.alloc(16, 1) }]) {
      const config = (name: string): object => (name === 'n2' ? other : {});
      const cluster = await SimulatedCluster.create({ size: 4, config });
      await assert.rejects(cluster.joinAll(), (error) => {
        assert.ok(error instanceof AggregateError);
        assert.deepEqual(
          error.errors.map((each) => each instanceof JoinError),
          [true],
        );
        return true;
      });
      await cluster.run(5_000);
      assert.equal(cluster.node('n2').numMembers, 1);
      assert.equal(cluster.node('n1').numMembers, 3);
      await end(cluster);
    }
  });

  test('closes whatever its nodes are in the middle of', async () => {
    const cluster = await joined({ size: 6, seed: 3 });
    cluster.freeze('n1', 1e6);
    cluster.block('n2', 1e6);
    cluster.partition([['n0'], ['n3']]);
    cluster.crash('n4', { silent: true });
    cluster.freeze('n5', 1e6);
    cluster.crash('n5');
    const failing = assert.rejects(cluster.node('n1').updateNode(), {
      code: 'ERR_MEMBERLIST_SHUTDOWN',
    });
    const run = cluster.run(1_000);
    await end(cluster);
    await Promise.all([run, failing]);
  });

  test('mistakes are told at once', async () => {
    for (const size of [-1, 1.5, NaN]) {
      await assert.rejects(SimulatedCluster.create({ size }), RangeError);
    }
    for (const traceLength of [-1, 1.5, NaN]) {
      await assert.rejects(SimulatedCluster.create({ size: 1, traceLength }), RangeError);
    }
    await assert.rejects(
      SimulatedCluster.create({ size: 2, config: { probeTimeout: -1 } }),
      ConfigError,
    );
    const cluster = await SimulatedCluster.create({ size: 2 });
    assert.throws(() => cluster.node('n2'), RangeError);
    assert.throws(() => cluster.crash('n2'), RangeError);
    assert.throws(() => cluster.block('n1', -1), RangeError);
    for (const ms of [Infinity, NaN, '5'] as number[]) {
      assert.throws(() => cluster.freeze('n1', ms), RangeError);
    }
    assert.throws(() => cluster.partition([['n0'], ['n0', 'n1']]), RangeError);
    assert.throws(() => cluster.link('n0', 'n1', { loss: 2 }), RangeError);
    await assert.rejects(cluster.restart('n1'), /n1 is running/);
    await assert.rejects(cluster.addNode('n1'), /n1 is running/);
    cluster.crash('n1');
    assert.throws(() => cluster.crash('n1'), /n1 is not running/);
    await assert.rejects(cluster.leave('n1'), /n1 is not running/);
    await end(cluster);
  });

  test('stats count what was sent, in total and by each node', async () => {
    const cluster = await joined({ size: 5, network: { loss: 0.1 } });
    await cluster.run(10_000);
    const { byNode, ...total } = cluster.stats();
    assert.deepEqual(Object.keys(byNode), cluster.names());
    const sum = { packets: 0, packetBytes: 0, streams: 0, streamBytes: 0 };
    for (const traffic of Object.values(byNode)) {
      for (const field of ['packets', 'packetBytes', 'streams', 'streamBytes'] as const) {
        assert.ok(traffic[field] > 0, field);
        sum[field] += traffic[field];
      }
    }
    assert.deepEqual(sum, total);
    assert.ok(total.packetBytes / total.packets < 1400);
    await end(cluster);
  });

  test('a closed cluster has no timers, and closing again does nothing', async () => {
    const cluster = await joined({ size: 5 });
    const { clock } = cluster as unknown as { clock: { pending: number } };
    assert.ok(clock.pending > 0);
    for (const name of cluster.names()) void cluster.node(name).shutdown();
    await cluster.run(60_000);
    assert.equal(clock.pending, 0, 'what was under way has arrived, and nothing else was left');
    assert.deepEqual(cluster.names(), []);
    await cluster.close();
    await end(cluster);
  });

  test('a cluster closes by itself at the end of its scope', async () => {
    let list;
    {
      await using cluster = await SimulatedCluster.create({ size: 1 });
      list = cluster.node('n0');
    }
    await assert.rejects(list.join(['10.0.0.1']), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
  });
});
