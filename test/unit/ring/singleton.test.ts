/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ConfigError, ShutdownError, TimeoutError, type Memberlist } from '../../../src/index.js';
import {
  runSingleton,
  SingletonStoppedError,
  type Lease,
  type Singleton,
  type SingletonOptions,
} from '../../../src/ring/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';
import { Runs } from './runs.js';

async function clusterOf(size: number, seed = 1): Promise<SimulatedCluster> {
  const cluster = await SimulatedCluster.create({ size, seed });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  return cluster;
}

suite('a singleton', () => {
  test('runs on one member, and all members agree on its owner', async () => {
    await using cluster = await clusterOf(5);
    const runs = new Runs(cluster);
    runs.onAll('mailer');
    assert.deepEqual(runs.running, []);
    await cluster.run(1_900);
    assert.deepEqual(runs.running, [], 'it waits for `settle`');
    await cluster.run(200);
    assert.equal(runs.running.length, 1);
    const [owner] = runs.running;
    for (const singleton of runs.all) assert.equal(singleton.owner, owner);
    const states = runs.all.map(({ state }) => state).sort();
    assert.deepEqual(states, ['running', 'waiting', 'waiting', 'waiting', 'waiting']);
  });

  test('starts elsewhere when its member crashes', async () => {
    await using cluster = await clusterOf(5);
    const runs = new Runs(cluster);
    runs.onAll('mailer');
    await cluster.runUntil(() => runs.running.length === 1);
    const [first] = runs.running as [string];
    cluster.crash(first);
    assert.deepEqual(runs.running, [], 'the shutdown aborts it');
    assert.deepEqual(runs.reasons, ['shutdown']);
    await cluster.runUntil(() => runs.running.length === 1);
    assert.notEqual(runs.running[0], first);
  });

  test('is aborted at once when a new member owns it, and starts there after settle', async () => {
    await using cluster = await clusterOf(3);
    const runs = new Runs(cluster);
    runs.onAll('mailer');
    await cluster.runUntil(() => runs.running.length === 1);
    const [before] = runs.running as [string];
    // Which of the names is a new owner is determined by the hash.
    const names = Array.from({ length: 20 }, (_, i) => `n${3 + i}`);
    for (const name of names) {
      runs.on(name, await cluster.addNode(name), 'mailer');
      await cluster.run(500);
      if (runs.running.length === 0) break;
    }
    const joined = cluster.names().at(-1);
    assert.deepEqual(runs.reasons, ['moved']);
    assert.equal(runs.of(before).state, 'waiting');
    const took = await cluster.runUntil(() => runs.running.length > 0);
    assert.deepEqual(runs.running, [joined]);
    assert.ok(took > 1_000, `${took}`);
  });

  test('is aborted before a leave, which waits for its end', async () => {
    await using cluster = await clusterOf(4);
    const runs = new Runs(cluster, { endsAfterMs: 700 });
    runs.onAll('mailer');
    await cluster.runUntil(() => runs.running.length === 1);
    const [first] = runs.running as [string];
    const startedAt = cluster.now;
    const list = cluster.node(first);
    const left = list.leave();
    await cluster.run(500);
    assert.equal(runs.of(first).state, 'stopping');
    assert.equal(list.localNode.state, 'alive');
    await cluster.during(left);
    assert.ok(cluster.now - startedAt >= 700);
    assert.deepEqual(runs.reasons, ['leave']);
    await cluster.runUntil(() => runs.running.length === 1);
    assert.notEqual(runs.running[0], first);
    // It comes back, and so does the task.
    const [second] = runs.running as [string];
    await cluster.during(list.join([cluster.node(second).localNode.address]));
    await cluster.runUntil(() => runs.running.length === 1 && runs.running[0] === first);
  });

  test('does not run in a minority, or with too few members', async () => {
    for (const options of [{}, { stopInMinority: false, minMembers: 3 }]) {
      await using cluster = await clusterOf(5);
      const runs = new Runs(cluster, { options });
      runs.onAll('mailer');
      await cluster.runUntil(() => runs.running.length === 1);
      const [first] = runs.running as [string];
      const others = cluster.names().filter((name) => name !== first);
      cluster.partition([[first, others[0]!], others.slice(1)]);
      await cluster.run(60_000);
      assert.equal(runs.running.length, 1);
      assert.notEqual(runs.running[0], first);
      const reason = runs.reasons[0];
      assert.equal(reason, options.minMembers === undefined ? 'minority' : 'too-few-members');
    }
  });

  test('runs on both sides of a partition when it may', async () => {
    await using cluster = await clusterOf(5);
    const runs = new Runs(cluster, { options: { stopInMinority: false } });
    runs.onAll('mailer');
    await cluster.runUntil(() => runs.running.length === 1);
    const [first] = runs.running as [string];
    const others = cluster.names().filter((name) => name !== first);
    cluster.partition([[first, others[0]!], others.slice(1)]);
    await cluster.runUntil(() => runs.running.length === 2);
  });

  test('needs a majority of the expected members by default', async () => {
    const config = { expectedMembers: 3 };
    await using cluster = await SimulatedCluster.create({ size: 3, config });
    const runs = new Runs(cluster);
    runs.onAll('mailer');
    await cluster.run(20_000);
    assert.deepEqual(runs.running, []);
    await cluster.joinAll();
    await cluster.runUntil(() => runs.running.length === 1);
  });

  test('a task that ends is started again, after longer and longer pauses', async () => {
    await using cluster = await clusterOf(1);
    const list = cluster.node('n0');
    const at: number[] = [];
    const singleton = runSingleton(
      list,
      'cron',
      () => {
        at.push(cluster.now);
        if (at.length % 2 === 1) throw new Error('broken');
      },
      { settle: 0, retry: { min: 100, max: 400 } },
    );
    const errors: unknown[] = [];
    singleton.on('error', ({ source, error }) => errors.push(source, (error as Error).message));
    await cluster.run(2_000);
    const pauses = at.slice(1, 6).map((time, i) => Math.round(time - at[i]!));
    assert.deepEqual(pauses, [100, 200, 400, 400, 400]);
    assert.deepEqual(errors.slice(0, 2), ['task', 'broken']);
    assert.equal(singleton.state, 'pausing');
    await singleton.stop();
    assert.equal(singleton.state, 'stopped');
  });

  test('the restart policy', async () => {
    for (const [restart, throws, calls] of [
      ['never', false, 1],
      ['never', true, 1],
      ['on-error', false, 1],
      ['on-error', true, 4],
      ['always', false, 4],
    ] as const) {
      await using cluster = await clusterOf(1);
      let count = 0;
      const task = (): void => {
        count++;
        if (throws) throw new Error('broken');
      };
      const options = { settle: 0, restart, retry: { min: 100, max: 100 } };
      const singleton = runSingleton(cluster.node('n0'), 'cron', task, options);
      await cluster.run(350);
      assert.equal(count, calls, `${restart} ${throws}`);
      assert.equal(singleton.state, calls === 1 ? 'done' : 'pausing');
    }
  });

  test('stop ends the task with its reason, and leaves no timer and no service behind', async () => {
    const cluster = await clusterOf(2);
    const runs = new Runs(cluster, { endsAfterMs: 100 });
    runs.onAll('mailer');
    await cluster.runUntil(() => runs.running.length === 1);
    const [first] = runs.running as [string];
    await cluster.during(runs.of(first).stop());
    assert.deepEqual(runs.reasons, ['stopped']);
    await cluster.run(10_000);
    assert.deepEqual(runs.running, [], 'the other members do not know');
    await cluster.close();
    assert.equal(cluster.timersLeft, 0);
  });

  test('listeners that throw and filters that throw break nothing', async () => {
    const logged: string[] = [];
    const log = (message: string): void => void logged.push(message);
    const logger = { debug: () => undefined, info: () => undefined, warn: log, error: log };
    const cluster = await SimulatedCluster.create({ size: 1, config: { logger } });
    const filter = (): boolean => {
      throw new Error('filter');
    };
    const list = cluster.node('n0');
    const none = runSingleton(list, 'none', () => undefined, { settle: 0, filter });
    const some = runSingleton(list, 'some', () => undefined, { settle: 0 });
    some.on('start', () => {
      throw new Error('listener');
    });
    some.on('start', () => Promise.reject(new Error('late')));
    await cluster.run(100);
    assert.equal(none.owner, undefined);
    assert.equal(some.state, 'pausing');
    assert.match(logged.join(), /filter/);
    assert.match(logged.join(), /listener/);
    await cluster.close();
    assert.deepEqual(cluster.internalErrors, []);
  });

  test('wrong arguments are ConfigErrors', async () => {
    await using cluster = await clusterOf(1);
    const list = cluster.node('n0');
    const task = (): undefined => undefined;
    const wrong: [unknown, unknown, unknown][] = [
      ['', task, {}],
      [7, task, {}],
      ['a', 'task', {}],
      ['a', task, 7],
      ['a', task, { minMembers: 0 }],
      ['a', task, { settle: -1 }],
      ['a', task, { settle: NaN }],
      ['a', task, { lease: {} }],
      ['a', task, { restart: 'sometimes' }],
      ['a', task, { retry: { min: 0 } }],
      ['a', task, { filter: 'all' }],
      ['a', task, { colour: 1 }],
    ];
    for (const args of wrong) {
      const [name, given, options] = args as [string, () => void, SingletonOptions];
      assert.throws(() => runSingleton(list, name, given, options), ConfigError, String(args));
    }
    await list.shutdown();
    assert.throws(() => runSingleton(list, 'a', task), ShutdownError);
  });
});

suite('a lease', () => {
  /** A store with one clock, whose answers take 5 ms. */
  class Store implements Lease {
    readonly #cluster: SimulatedCluster;
    holder: string | undefined;
    expiresAt = 0;
    isDown = false;
    hangs = false;
    calls: string[] = [];

    constructor(cluster: SimulatedCluster) {
      this.#cluster = cluster;
    }

    acquire = async ({ holder, ttl }: { holder: string; ttl: number }): Promise<boolean> => {
      await this.#answer('acquire');
      const { now } = this.#cluster;
      if (this.holder !== undefined && this.holder !== holder && now < this.expiresAt) return false;
      this.holder = holder;
      this.expiresAt = now + ttl;
      return true;
    };

    renew = async ({ holder, ttl }: { holder: string; ttl: number }): Promise<boolean> => {
      await this.#answer('renew');
      const { now } = this.#cluster;
      if (this.holder !== holder || now >= this.expiresAt) return false;
      this.expiresAt = now + ttl;
      return true;
    };

    release = async ({ holder }: { holder: string }): Promise<void> => {
      await this.#answer('release');
      if (this.holder === holder) this.holder = undefined;
    };

    async #answer(call: string): Promise<void> {
      this.calls.push(call);
      if (this.hangs) return new Promise(() => undefined);
      await new Promise<void>((resolve) => this.#cluster.clock.setTimer(5, resolve));
      if (this.isDown) throw new Error('the store is down');
    }
  }

  async function leased(ttl = 3_000): Promise<{
    cluster: SimulatedCluster;
    store: Store;
    list: Memberlist;
    runs: Runs;
    singleton: Singleton;
  }> {
    const cluster = await clusterOf(1);
    const store = new Store(cluster);
    const options = { lease: store, leaseTtl: ttl, settle: 0 };
    const runs = new Runs(cluster, { options });
    const list = cluster.node('n0');
    return { cluster, store, list, runs, singleton: runs.on('n0', list, 'mailer') };
  }

  test('is taken before a start, renewed, and given up at the end', async () => {
    const { cluster, store, runs, singleton } = await leased();
    await cluster.run(3);
    assert.equal(singleton.state, 'acquiring');
    await cluster.run(10_000);
    assert.deepEqual(runs.running, ['n0']);
    assert.match(store.holder ?? '', /^n0 [0-9a-f]{32}$/);
    await cluster.during(singleton.stop());
    assert.equal(store.holder, undefined);
    assert.deepEqual(new Set(store.calls), new Set(['acquire', 'renew', 'release']));
    assert.equal(store.calls.filter((call) => call === 'renew').length, 9);
    await cluster.close();
  });

  test('of another holder keeps the task from starting until it expires', async () => {
    const { cluster, store, runs } = await leased();
    store.holder = 'another';
    store.expiresAt = 7_500;
    await cluster.run(7_400);
    assert.deepEqual(runs.running, []);
    await cluster.runUntil(() => runs.running.length === 1, { timeout: 2_000 });
    await cluster.close();
  });

  test('that another holder took aborts the task', async () => {
    const { cluster, store, runs } = await leased();
    await cluster.run(1_000);
    store.holder = 'another';
    store.expiresAt = 1e9;
    await cluster.run(1_100);
    assert.deepEqual(runs.reasons, ['lease-lost']);
    await cluster.close();
  });

  for (const fault of ['isDown', 'hangs'] as const) {
    test(`aborts the task before it expires when the store ${fault}, and the task starts again later`, async () => {
      const { cluster, store, runs, singleton } = await leased();
      const errors: unknown[] = [];
      singleton.on('error', ({ source, error }) => errors.push(source, error));
      await cluster.run(1_500);
      store[fault] = true;
      const { expiresAt } = store;
      await cluster.runUntil(() => runs.running.length === 0);
      assert.ok(cluster.now < expiresAt - 900, `${expiresAt - cluster.now} ms before`);
      assert.deepEqual(runs.reasons, ['lease-lost']);
      assert.ok(errors.includes('lease'));
      if (fault === 'hangs') assert.ok(errors.some((error) => error instanceof TimeoutError));
      store[fault] = false;
      await cluster.runUntil(() => runs.running.length === 1);
      await cluster.close();
      assert.deepEqual(cluster.internalErrors, []);
    });
  }

  test('is not trusted after a stall that was longer', async () => {
    const { cluster, runs } = await leased();
    await cluster.run(1_500);
    cluster.freeze('n0', 5_000);
    await cluster.run(5_001);
    assert.deepEqual(runs.reasons, ['lease-lost']);
    await cluster.close();
  });

  test('a request that comes too late is aborted', async () => {
    const { cluster, store, list } = await leased();
    const reasons: unknown[] = [];
    const never: Lease = {
      acquire: ({ signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return new Promise(() => undefined);
      },
      renew: store.renew,
      release: store.release,
    };
    runSingleton(list, 'other', () => undefined, { settle: 0, lease: never, leaseTtl: 3_000 });
    await cluster.run(1_100);
    assert.ok(reasons[0] instanceof TimeoutError);
    await cluster.close();
  });
});

test('the reason of the signal is a typed error', () => {
  const error = new SingletonStoppedError('mailer', 'moved');
  assert.equal(error.code, 'ERR_MEMBERLIST_SINGLETON_STOPPED');
  assert.equal(error.reason, 'moved');
  assert.match(error.message, /'mailer' must end: another member owns it/);
});
