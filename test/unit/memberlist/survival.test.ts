/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What ends a node's life, and what users give it: none of it may throw into the event loop or keep sockets open.
import assert from 'node:assert/strict';
import { mock, suite, test } from 'node:test';
import { Registry } from 'prom-client';
import { Discovery } from '../../../src/discovery/discovery.js';
import { Engine } from '../../../src/core/engine.js';
import { Membership } from '../../../src/core/membership/apply.js';
import { ExtensionHost } from '../../../src/extensions/extension-host.js';
import { SeededRandom, SimulatedCluster } from '../../../src/testing/index.js';
import type { TransportHandlers } from '../../../src/transport/transport.js';
import { OldSignal } from '../runtime/old-signal.js';
import { altered, Cluster, Log, meet, until, inFields } from './cluster.js';

const bug = new TypeError('a bug');

function fail(): never {
  throw bug;
}

suite('a node that cannot end as it should', () => {
  test('leaves also when what is to be told before it fails', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const a = await cluster.node('a');
    const b = await cluster.node('b', { logger: log });
    mock.method(ExtensionHost.prototype, 'leaving', () => Promise.reject(bug));
    await meet([a, b]);
    try {
      await b.leave();
    } finally {
      mock.restoreAll();
    }
    await until(a, () => a.member('b')?.state === 'left');
    assert.deepEqual(
      log.of('internal-error').map(({ fields }) => fields.error),
      [inFields(bug)],
    );
  });

  test('closes its sockets whatever its parts throw', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const registry = new Registry();
    const transport = cluster.network.transport('a');
    const a = await cluster.node('a', { transport, logger: log, metrics: { registry } });
    mock.method(Engine.prototype, 'stop', fail);
    registry.removeSingleMetric = fail;
    try {
      await a.shutdown();
    } finally {
      mock.restoreAll();
    }
    assert.equal(transport.isRunning, false);
    assert.equal(log.of('internal-error').length, 2);
  });
});

suite('what users give', () => {
  test('a transport that calls with nonsense does not end the process', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const memory = cluster.network.transport('a');
    let handlers: TransportHandlers | undefined;
    const start = (given: TransportHandlers): Promise<void> => memory.start((handlers = given));
    const a = await cluster.node('a', { transport: altered(memory, { start }), logger: log });
    const call = handlers as unknown as Record<string, (...given: unknown[]) => void>;
    for (const nothing of [undefined, null, 7, {}]) {
      call.packet!(nothing, undefined, 0);
      call.stream!(nothing);
      call.internalError!(nothing);
    }
    await new Promise(setImmediate);
    assert.ok(log.of('internal-error').length > 0);
    assert.equal(await a.ping('a', a.localNode.address).then(() => 'lives'), 'lives');
  });

  test('a source of randomness that throws now and then does not end the search for seeds', async () => {
    const errors: Error[] = [];
    const random = new SeededRandom(1);
    let draws = 0;
    const next = (): number => (++draws % 3 === 0 ? fail() : random.next());
    await using cluster = await SimulatedCluster.createWith(
      { size: 1, config: { seeds: ['10.0.9.9'], rejoin: { interval: 1_000 } } },
      () => ({ discoveryRandom: { next }, internalError: (error) => errors.push(error) }),
    );
    await cluster.run(60_000);
    assert.ok(errors.length > 3, `${errors.length} errors`);
    const { streams } = cluster.stats();
    await cluster.addNode('late', { addr: '10.0.9.9:7946', config: { seeds: [] }, join: false });
    await cluster.runUntil(() => cluster.converged());
    assert.ok(cluster.stats().streams > streams);
  });

  test('files that throw, and reject with something that is no error, do not end the snapshots', async () => {
    let writes = 0;
    const files = {
      problemWith: () => Promise.resolve(undefined),
      read: () => Promise.resolve(undefined),
      replace: () => {
        writes++;
        if (writes === 1) fail();
        return writes === 2 ? Promise.reject(Object.create(null) as Error) : Promise.resolve();
      },
      setAside: () => Promise.resolve(''),
    };
    await using cluster = await SimulatedCluster.createWith(
      { size: 1, config: { snapshot: { path: 'somewhere' } } },
      () => ({ files }),
    );
    await cluster.run(60_000);
    assert.equal(writes, 3);
  });

  test('a join and a stream of events end with a signal of another make', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const memory = cluster.network.transport('b');
    const dial = (): Promise<never> => new Promise(() => undefined);
    const b = await cluster.node('b', { transport: altered(memory, { dial }) });
    const signal = new OldSignal();
    const joining = b.join([a.localNode.address], { signal: signal.asAbortSignal, timeout: 50 });
    const events = b.events({ signal: signal.asAbortSignal });
    const read = events.next();
    signal.abort();
    assert.equal((await read).done, true);
    await assert.rejects(joining, { name: 'AbortError' });
    assert.equal(signal.listeners, 0);
  });
});

test('users are told of events also when a part of the library that is told first throws', async () => {
  await using cluster = new Cluster();
  const [a, b] = await cluster.joined(['a', 'b']);
  const gone: string[] = [];
  a!.on('leave', ({ name }) => gone.push(name));
  mock.method(Discovery.prototype, 'onMembershipEvent', fail);
  try {
    await b!.leave();
    await until(a!, () => gone.length === 1);
  } finally {
    mock.restoreAll();
  }
});

suite('a simulated cluster', () => {
  test('fails when the library catches an exception of its own', async () => {
    const cluster = await SimulatedCluster.create({ size: 2 });
    await cluster.joinAll();
    mock.method(Membership.prototype, 'alive', fail);
    try {
      cluster
        .node('n0')
        .updateNode()
        .catch(() => undefined);
      await assert.rejects(cluster.run(5_000), bug);
    } finally {
      mock.restoreAll();
    }
    const caught = cluster.internalErrors.map(({ error }) => error);
    assert.deepEqual(new Set(caught), new Set([bug]));
    await cluster.run(5_000).catch(() => undefined);
    await cluster.close();
  });

  test('fails at its end, too', async () => {
    const cluster = await SimulatedCluster.create({ size: 1 });
    mock.method(Engine.prototype, 'stop', fail);
    try {
      await assert.rejects(cluster.close(), bug);
    } finally {
      mock.restoreAll();
    }
  });
});
