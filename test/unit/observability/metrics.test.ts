/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Gauge, Registry } from 'prom-client';
import { MemberTable } from '../../../src/core/member-table.js';
import { metricDefinitions } from '../../../src/observability/metric-definitions.js';
import { ConfigError, Memberlist, localConfig } from '../../../src/index.js';
import { MemoryNetwork, SimulatedCluster } from '../../../src/testing/index.js';

async function create(
  network: MemoryNetwork,
  name: string,
  registry: Registry,
): Promise<Memberlist> {
  const transport = network.transport(name);
  return Memberlist.create({
    ...localConfig(),
    logger: false,
    name,
    transport,
    metrics: { registry },
  });
}

async function value(registry: Registry, name: string, labels: object): Promise<number> {
  const metric = (await registry.getMetricsAsJSON()).find((each) => each.name === name);
  const found = metric?.values.find((each) =>
    Object.entries(labels).every(([key, wanted]) => each.labels[key] === wanted),
  );
  assert.ok(found, `${name} with ${JSON.stringify(labels)}`);
  return found.value;
}

test('two nodes in one process publish on one registry without a collision', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const a = await create(network, 'a', registry);
  const b = await create(network, 'b', registry);
  await b.join([a.localNode.address]);
  assert.equal(await value(registry, 'memberlist_members', { node: 'a', state: 'alive' }), 2);
  assert.equal(await value(registry, 'memberlist_members', { node: 'b', state: 'alive' }), 2);
  assert.equal(await value(registry, 'memberlist_health_score', { node: 'a' }), 0);
  await a.ping('b', b.localNode.address);
  assert.ok((await value(registry, 'memberlist_packets_sent_total', { node: 'a' })) >= 1);
  assert.ok((await value(registry, 'memberlist_packet_bytes_received_total', { node: 'b' })) > 0);

  await b.shutdown();
  assert.doesNotMatch(await registry.metrics(), /node="b"/);
  await a.shutdown();
  assert.equal((await registry.metrics()).trim(), '', 'the registry is as it was');
});

test('drops are counted by their reason', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const a = await create(network, 'a', registry);
  const stranger = network.transport('stranger');
  await stranger.start({ packet: () => undefined, stream: (stream) => stream.close() });
  await stranger.writeTo(Buffer.from([99]), { addr: a.localNode.address });
  // A ping there and back: the packet before it has been handled.
  await a.ping('a', a.localNode.address);
  const labels = { node: 'a', reason: 'unknown-type' };
  assert.equal(await value(registry, 'memberlist_drops_total', labels), 1);
  await Promise.all([a.shutdown(), stranger.shutdown()]);
});

test('the same metrics with other labels are refused, and the node is not started', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const a = await create(network, 'a', registry);
  const metrics = { registry, labels: { cluster: 'x' } };
  const create2 = Memberlist.create({
    logger: false,
    name: 'b',
    transport: network.transport('b'),
    metrics,
  });
  await assert.rejects(create2, ConfigError);
  await a.shutdown();
});

const sumOf = async (registry: Registry, name: string, labels: object = {}): Promise<number> => {
  const metric = (await registry.getMetricsAsJSON()).find((each) => each.name === name);
  const values = (metric?.values ?? []) as { value: number; labels: Record<string, unknown> }[];
  const isWanted = (has: Record<string, unknown>): boolean =>
    Object.entries(labels).every(([key, wanted]) => has[key] === wanted);
  return values.reduce((sum, { value, labels: has }) => sum + (isWanted(has) ? value : 0), 0);
};

/** A cluster in virtual time; `n0` publishes metrics. */
async function measured(
  size: number,
  network: { loss?: number } = {},
): Promise<{ cluster: SimulatedCluster; registry: Registry }> {
  const registry = new Registry();
  const config = (name: string): object => (name === 'n0' ? { metrics: { registry } } : {});
  const cluster = await SimulatedCluster.create({ size, seed: 7, config, network });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  return { cluster, registry };
}

test('the lifecycle of members is counted: joins, suspicions, deaths, leaves, probes, push/pulls', async () => {
  const { cluster, registry } = await measured(6);
  const of = (name: string, labels?: object): Promise<number> =>
    sumOf(registry, `memberlist_${name}`, labels);
  await cluster.run(60_000);
  assert.equal(await of('joins_total'), 5);
  assert.equal(await of('members', { state: 'alive' }), 6);
  assert.equal(await of('deaths_total'), 0);
  const direct = await of('probes_total', { outcome: 'direct' });
  assert.ok(direct > 50, `${direct} probes`);
  assert.equal(await of('probe_round_trip_seconds', { le: '+Inf' }), direct);
  assert.ok((await of('push_pull_duration_seconds', { le: '+Inf' })) >= 2);
  assert.ok((await of('push_pull_bytes', { le: '+Inf', direction: 'received' })) >= 2);
  assert.equal(await of('push_pull_bytes', { le: '256', direction: 'received' }), 0);
  assert.ok((await of('messages_received_total', { over: 'packet', type: 'ping' })) > 50);
  assert.ok((await of('messages_sent_total', { over: 'packet', type: 'ack' })) > 50);
  assert.ok((await of('messages_sent_total', { over: 'stream', type: 'push-pull' })) >= 7);
  assert.ok((await of('stream_bytes_received_total')) > 1_000);
  assert.equal(await of('streams_open'), 0, 'streams that ended are no longer open');

  cluster.crash('n5');
  await cluster.leave('n4');
  await cluster.runUntil(() => cluster.node('n0').member('n5')?.state === 'dead');
  assert.ok((await of('suspicions_raised_total')) >= 1);
  assert.ok((await of('suspicion_confirmations_total')) >= 1);
  assert.deepEqual([await of('deaths_total'), await of('leaves_total')], [1, 1]);
  assert.equal(await of('members', { state: 'left' }), 1);
  await cluster.run(60_000);
  assert.equal(await of('suspicions'), 0);
  assert.equal(await of('broadcast_queue_depth'), 0);

  cluster.freeze('n0', 10_000);
  await cluster.run(30_000);
  assert.equal(await of('stalls_total'), 1);
  const lost = await of('stall_seconds_total');
  assert.ok(lost > 9 && lost <= 10, `${lost} s`);
  await cluster.close();
});

test('every metric has its documented type and its defined labels', async () => {
  const { cluster, registry } = await measured(3);
  const published = await registry.getMetricsAsJSON();
  assert.deepEqual(
    published.map(({ name }) => name),
    metricDefinitions.map(({ name }) => `memberlist_${name}`),
  );
  for (const { name, labels, kind } of metricDefinitions) {
    const metric = published.find((each) => each.name === `memberlist_${name}`);
    // Those of extensions have a series for each; test/unit/extensions has some.
    if (name.startsWith('extension_')) continue;
    assert.ok(metric && metric.values.length > 0, `${name} has series from the beginning`);
    assert.equal(String(metric.type), kind);
    if (kind === 'counter') assert.match(name, /_total$/);
    else assert.doesNotMatch(name, /_total$/);
    for (const sample of metric.values) {
      const own = Object.keys(sample.labels).filter((label) => label !== 'node' && label !== 'le');
      assert.deepEqual(own.sort(), [...labels].sort(), name);
    }
  }
  await cluster.close();
});

test('there are as many series with twelve members as with two, also after failures', async () => {
  const series = async (size: number): Promise<string[]> => {
    const { cluster, registry } = await measured(size, { loss: 0.05 });
    for (const name of cluster.names().slice(1, size / 2)) cluster.crash(name);
    await cluster.run(60_000);
    const lines = (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#'));
    await cluster.close();
    return lines.map((line) => line.replace(/ \S+$/, ''));
  };
  assert.deepEqual(await series(12), await series(2));
});

test('the values of nodes with the same name and labels are summed, and each node can leave', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const create1 = (where: string, labels?: Record<string, string>): Promise<Memberlist> =>
    Memberlist.create({
      logger: false,
      ...localConfig(),
      name: 'same',
      transport: network.transport(where),
      metrics: { registry, ...(labels && { labels }) },
    });
  const [a, b] = [await create1('a'), await create1('b')];
  assert.equal(await value(registry, 'memberlist_members', { state: 'alive' }), 2);
  await a.shutdown();
  assert.equal(await value(registry, 'memberlist_members', { state: 'alive' }), 1);
  assert.equal(await sumOf(registry, 'memberlist_push_pull_bytes', { le: '+Inf' }), 0);
  assert.match(
    await registry.metrics(),
    /memberlist_probe_round_trip_seconds_count\{node="same"\} 0/,
  );
  await b.shutdown();
  const [one, other] = [await create1('c', { cluster: 'x' }), await create1('d', { cluster: 'y' })];
  for (const cluster of ['x', 'y']) {
    assert.equal(await value(registry, 'memberlist_members', { cluster, state: 'alive' }), 1);
  }
  await Promise.all([one.shutdown(), other.shutdown()]);
  assert.equal((await registry.metrics()).trim(), '');
});

test('a node that is created again under its name starts at 0', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const peer = await create(network, 'peer', new Registry());
  for (const at of ['one', 'two']) {
    const list = await Memberlist.create({
      logger: false,
      ...localConfig(),
      name: 'a',
      transport: network.transport(at),
      metrics: { registry },
    });
    assert.equal(await sumOf(registry, 'memberlist_push_pull_bytes', { le: '+Inf' }), 0);
    await list.join([peer.localNode.address]);
    assert.equal(await sumOf(registry, 'memberlist_push_pull_bytes', { le: '+Inf' }), 2);
    await list.shutdown();
  }
  await peer.shutdown();
});

test('metrics are registered again after registry.clear(), by a new node and by a running one', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const count = async (): Promise<number> =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith('memberlist_members{'))
      .length;
  const a = await create(network, 'a', registry);
  const perNode = await count();
  assert.ok(perNode > 0);
  registry.clear();
  assert.equal(await count(), 0);
  const b = await create(network, 'b', registry);
  assert.equal(await count(), 2 * perNode);
  await b.shutdown();
  registry.clear();
  await a.shutdown();
  const c = await create(network, 'c', registry);
  assert.equal(await count(), perNode);
  await c.shutdown();
  assert.equal((await registry.metrics()).trim(), '', 'nothing is left');

  const { cluster, registry: simulated } = await measured(3);
  simulated.clear();
  await cluster.run(5_000);
  assert.equal(await sumOf(simulated, 'memberlist_members', { state: 'alive' }), 3);
  await cluster.close();
});

test('a user metric with the name of a library metric is a ConfigError, and the registry is unchanged', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const theirs = new Gauge({ name: 'memberlist_suspicions', help: 'x', registers: [registry] });
  await assert.rejects(create(network, 'a', registry), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /metrics\.prefix: .*'memberlist_suspicions'/);
    return true;
  });
  assert.deepEqual(registry.getMetricsAsArray(), [theirs]);
  // Registered while the metrics of the library were removed: it must not be touched.
  registry.clear();
  const a = await create(network, 'b', registry);
  registry.clear();
  registry.registerMetric(theirs);
  await a.shutdown();
  assert.deepEqual(registry.getMetricsAsArray(), [theirs]);
});

test('a push/pull that fails is counted', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const a = await create(network, 'a', registry);
  await assert.rejects(a.join(['10.9.9.9:1'], { timeout: 200 }));
  assert.equal(await value(registry, 'memberlist_push_pull_failures_total', { node: 'a' }), 1);
  await a.shutdown();
});

test('a node that cannot be read is omitted from the scrape, and this is counted', async () => {
  const registry = new Registry();
  const network = new MemoryNetwork();
  const a = await create(network, 'a', registry);
  const b = await create(network, 'b', registry);
  const countByState = Reflect.get(MemberTable.prototype, 'countByState') as () => object;
  mock.method(MemberTable.prototype, 'countByState', function (this: MemberTable) {
    if (this.get('a') !== undefined) throw new TypeError('a bug');
    return countByState.call(this);
  });
  const text = await registry.metrics();
  mock.restoreAll();
  assert.doesNotMatch(text, /memberlist_members\{node="a"/);
  assert.match(text, /memberlist_members\{node="b",state="alive"\} 1/);
  assert.equal(await value(registry, 'memberlist_internal_errors_total', { node: 'a' }), 1);
  assert.equal(await value(registry, 'memberlist_members', { node: 'a', state: 'alive' }), 1);
  await Promise.all([a.shutdown(), b.shutdown()]);
});
