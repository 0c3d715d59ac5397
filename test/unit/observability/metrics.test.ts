/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { ConfigError, Memberlist, localConfig } from '../../../src/index.js';
import { MemoryNetwork } from '../../../src/testing/index.js';

async function create(
  network: MemoryNetwork,
  name: string,
  registry: Registry,
): Promise<Memberlist> {
  const transport = network.transport(name);
  return Memberlist.create({ ...localConfig(), name, transport, metrics: { registry } });
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

test('what is dropped is counted by its reason', async () => {
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
  const create2 = Memberlist.create({ name: 'b', transport: network.transport('b'), metrics });
  await assert.rejects(create2, ConfigError);
  await a.shutdown();
});
