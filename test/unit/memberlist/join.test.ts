/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Address,
  ConfigError,
  JoinError,
  type Memberlist,
  MemberlistError,
  NodeNameRequiredError,
  ProtocolError,
  ShutdownError,
  TimeoutError,
  type Transport,
} from '../../../src/index.js';
import { joinSeeds } from '../../../src/discovery/join.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { Cluster, addressOf, altered, names, rejection, until } from './cluster.js';

const nobody = '10.9.9.9:7946';

void describe('Memberlist.join', () => {
  void it('makes both know each other before it resolves at the joining side', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b');
    const result = await b.join([addressOf(a).addr]);
    assert.deepEqual(result, { contacted: 1, failures: [] });
    assert.deepEqual(names(b), ['a', 'b']);
    await until(a, () => a.numMembers === 2);
    assert.deepEqual(a.member('b'), b.localNode);
  });

  void it('tells who was not reached, with seed and address, when somebody was', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b');
    const seeds = [nobody, addressOf(a).addr, 'a:b:c', `a/${addressOf(a).addr}`];
    const { contacted, failures } = await b.join(seeds);
    assert.equal(contacted, 2);
    const bySeed = new Map(failures.map((failure) => [failure.seed, failure]));
    assert.deepEqual([...bySeed.keys()].sort(), [nobody, 'a:b:c'].sort());
    const unreachable = bySeed.get(nobody);
    assert.equal(unreachable?.address, nobody);
    assert.ok(unreachable.error instanceof ProtocolError);
    assert.match(unreachable.error.message, /10\.9\.9\.9:7946/);
    const nonsense = bySeed.get('a:b:c');
    assert.ok(nonsense !== undefined && !('address' in nonsense));
  });

  void it('rejects with a JoinError that is an AggregateError and a MemberlistError', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const error = await rejection(a.join([nobody, ':::::']), JoinError);
    assert.ok(error instanceof AggregateError);
    assert.ok(error instanceof MemberlistError);
    assert.ok(error instanceof Error);
    assert.equal(error.code, 'ERR_MEMBERLIST_JOIN');
    assert.equal(error.failures.length, 2);
    assert.deepEqual(
      error.errors,
      error.failures.map((failure) => failure.error),
    );
    assert.ok(error.message.includes(nobody) && error.message.includes(':::::'));
  });

  void it('rejects with a JoinError without failures when no seed is given', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const error = await rejection(a.join([]), JoinError);
    assert.deepEqual(error.failures, []);
  });

  void it('takes the port of a seed without one to be its own', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b');
    assert.equal((await b.join([a.localNode.addr])).contacted, 1);
    assert.equal((await b.join([`a/${a.localNode.addr}`])).contacted, 1);
  });

  void it('looks host names up', async () => {
    await using cluster = new Cluster();
    const transport = cluster.network.transport('a', { addr: '127.0.0.1:7946' });
    const a = await cluster.node('a', { transport });
    const b = await cluster.node('b');
    const { contacted } = await b.join(['localhost:7946']);
    assert.equal(contacted, 1);
    assert.deepEqual(names(b), ['a', 'b']);
    await until(a, () => a.numMembers === 2);
  });

  void it('does not count itself as somebody who was reached', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b');
    const error = await rejection(a.join([addressOf(a).addr, `a/${addressOf(a).addr}`]), JoinError);
    assert.equal(error.failures.length, 2);
    assert.match(error.message, /10\.0\.0\.1:7946 is this node itself/);
    assert.deepEqual(names(a), ['a']);
    assert.equal(a.localNode.state, 'alive');
    await rejection(a.ready({ timeout: 20 }), TimeoutError);
    const { contacted, failures } = await a.join([addressOf(a).addr, addressOf(b).addr]);
    assert.equal(contacted, 1);
    assert.match(failures[0]?.error.message ?? '', /this node itself/);
    await rejection(a.join([addressOf(a).addr]), JoinError);
  });

  void it('notices that another address leads to itself, by what it finds there', async () => {
    await using cluster = new Cluster();
    const transport = cluster.network.transport('a');
    const home = transport.addr;
    const dial: Transport['dial'] = (to, options) =>
      transport.dial(to.addr === nobody ? { addr: home } : to, options);
    const a = await cluster.node('a', { transport: altered(transport, { dial }) });
    const error = await rejection(a.join([nobody]), JoinError);
    assert.match(error.message, /10\.9\.9\.9:7946 is this node itself/);
    const b = await cluster.node('b');
    assert.equal((await a.join([addressOf(b).addr])).contacted, 1, 'not that of anybody else');
  });

  void it('does not take a node that has left for itself', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b');
    await b.join([addressOf(a).addr]);
    await until(a, () => a.numMembers === 2);
    await a.leave();
    await until(b, () => b.member('a')?.state === 'left');
    assert.equal((await b.join([addressOf(a).addr])).contacted, 1, 'which knows it');
    const c = await cluster.node('c');
    assert.equal((await c.join([addressOf(a).addr])).contacted, 1, 'which does not know it');
  });

  void it('leaves it to its transport which addresses are its own', async () => {
    await using cluster = new Cluster();
    const transport = cluster.network.transport('a');
    let dials = 0;
    const changes: Partial<Transport> = {
      isOwn: (addr) => addr === nobody,
      dial: (to, options) => {
        dials++;
        return transport.dial(to, options);
      },
    };
    const a = await cluster.node('a', { transport: altered(transport, changes) });
    await rejection(a.join([nobody]), JoinError);
    assert.equal(dials, 0);
  });

  void it('goes on with its seeds when they lead to itself, until they lead to another', async () => {
    await using cluster = new Cluster();
    const b = await cluster.node('b');
    const transport = cluster.network.transport('a');
    let leadsTo = transport.addr;
    let dials = 0;
    const dial: Transport['dial'] = (to, options) => {
      if (to.addr === nobody && ++dials === 2) leadsTo = addressOf(b).addr;
      return transport.dial(to.addr === nobody ? { addr: leadsTo } : to, options);
    };
    const a = await cluster.node('a', {
      transport: altered(transport, { dial }),
      seeds: [nobody],
      rejoin: { interval: 20, timeout: 1_000 },
    });
    await a.ready();
    assert.deepEqual(names(a), ['a', 'b']);
    assert.ok(dials >= 2);
  });

  void it('demands names of seeds where requireNodeNames is set', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b', { requireNodeNames: true });
    const { addr } = addressOf(a);
    const error = await rejection(b.join([addr]), JoinError);
    assert.ok(error.failures[0]?.error instanceof NodeNameRequiredError);
    assert.equal(error.failures[0].address, addr);
    assert.deepEqual(names(a), ['a']);
    assert.equal((await b.join([`a/${addr}`])).contacted, 1);
  });

  void it('gives up at its timeout, and each failure says so', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b');
    cluster.network.cut('b', 'a');
    const startedAt = performance.now();
    const error = await rejection(b.join([addressOf(a).addr], { timeout: 30 }), JoinError);
    assert.ok(performance.now() - startedAt < 4_000);
    assert.ok(error.failures[0]?.error instanceof TimeoutError);
    assert.equal(error.failures[0].address, addressOf(a).addr);
    cluster.network.heal();
    assert.equal((await b.join([addressOf(a).addr])).contacted, 1);
  });

  void it('gives up after tcpTimeout by itself', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b', { tcpTimeout: 30 });
    cluster.network.cut('a', 'b');
    const error = await rejection(b.join([addressOf(a).addr]), JoinError);
    assert.ok(error.failures[0]?.error instanceof TimeoutError);
  });

  void it('resolves at its timeout when somebody was reached by then', async () => {
    await using cluster = new Cluster();
    const [a, b, c] = [await cluster.node('a'), await cluster.node('b'), await cluster.node('c')];
    cluster.network.cut('c', 'b');
    const joining = c.join(
      [a, b].map((list) => addressOf(list).addr),
      { timeout: 500 },
    );
    const { contacted, failures } = await joining;
    assert.equal(contacted, 1);
    assert.ok(failures[0]?.error instanceof TimeoutError);
  });

  void it('rejects with the reason of its signal, aborted before or while it waits', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b');
    const reason = new Error('never mind');
    const { addr } = addressOf(a);
    await assert.rejects(b.join([addr], { signal: AbortSignal.abort(reason) }), reason);
    assert.deepEqual(names(b), ['b']);
    cluster.network.cut('b', 'a');
    const controller = new AbortController();
    const joining = b.join([addr], { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(joining, reason);
  });

  const wrongSeeds: unknown[] = [undefined, null, '10.0.0.1', [1], ['10.0.0.1', undefined], {}];
  for (const seeds of wrongSeeds) {
    void it(`rejects seeds that are no list of texts: ${JSON.stringify(seeds)}`, async () => {
      await using cluster = new Cluster();
      const a = await cluster.node('a');
      const error = await rejection(a.join(seeds as string[]), ConfigError);
      assert.equal(error.problems[0]?.field, 'seeds');
    });
  }

  void it('does not come back from a leave for seeds that are nonsense', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    await a.leave();
    await rejection(a.join('10.0.0.1' as unknown as string[]), ConfigError);
    await assert.rejects(a.join([], { signal: AbortSignal.abort() }));
    assert.equal(a.localNode.state, 'left');
  });

  void it('contacts all of thirty seeds, eight at a time, and nothing warns of a leak', async () => {
    const seeds = Array.from({ length: 30 }, (_, i) => `10.0.0.${i + 1}:7946`);
    let atOnce = 0;
    let most = 0;
    const contact = async (): Promise<void> => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
    };
    const resolve = (seed: string): Promise<Address[]> => Promise.resolve([{ addr: seed }]);
    const joiner = { clock: systemClock, requireNodeNames: false, resolve, contact };
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    assert.equal((await joinSeeds(seeds, joiner, {})).contacted, 30);
    assert.equal(most, 8);
    await new Promise((done) => setImmediate(done));
    process.off('warning', warned);
    assert.deepEqual(warnings, []);
  });

  void it('does not wait for a resolver that hangs longer than its timeout', async () => {
    const joiner = {
      clock: systemClock,
      requireNodeNames: false,
      resolve: () => new Promise<never>(() => undefined),
      contact: () => Promise.resolve(),
    };
    // The timers of the library keep no process alive.
    const keepAlive = setInterval(() => undefined, 1_000);
    const error = await rejection(joinSeeds(['slow.example'], joiner, { timeout: 20 }), JoinError);
    clearInterval(keepAlive);
    assert.ok(error.failures[0]?.error instanceof TimeoutError);
  });

  void it('rejects after shutdown', async () => {
    const cluster = new Cluster();
    const a = await cluster.node('a');
    await a.shutdown();
    await rejection(a.join(['10.0.0.1']), ShutdownError);
  });

  void it('merges two clusters through one join', async () => {
    await using cluster = new Cluster();
    const left = await cluster.joined(['a', 'b', 'c']);
    const right = await cluster.joined(['d', 'e', 'f']);
    await left[1]!.join([addressOf(right[2]!).addr]);
    const all: Memberlist[] = [...left, ...right];
    await until(all, () => all.every(({ numMembers }) => numMembers === 6));
  });

  void it('settles: after a join, what gossip missed comes by push/pull', async () => {
    await using cluster = new Cluster();
    const silent = { gossipInterval: 0, probeInterval: 0 };
    const [a, b, c] = [
      await cluster.node('a', silent),
      await cluster.node('b', silent),
      await cluster.node('c', silent),
    ];
    await b.join([addressOf(a).addr]);
    await c.join([addressOf(a).addr]);
    assert.deepEqual(names(b), ['a', 'b']);
    await until([a, b, c], () => b.numMembers === 3, 8_000);
  });
});
