/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Metrics of rings, shares and singletons.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { RingMeters, ShareMeters, SingletonMeters } from '../../../src/ring/meters.js';
import { createRing, runSingleton, share } from '../../../src/ring/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

async function valuesOf(registry: Registry): Promise<Record<string, number>> {
  const all = await registry.getMetricsAsJSON();
  const own = all.filter(({ name }) => /^memberlist_(ring|share|singleton)_/.test(name));
  const values = own.map(({ name, ...metric }): [string, number] => {
    const { values: samples } = metric as unknown as { values: { value: number }[] };
    assert.equal(samples.length, 1);
    return [name.replace('memberlist_', ''), samples[0]?.value ?? NaN];
  });
  return Object.fromEntries(values);
}

test('changes of the view, starts and aborts are counted over all of a node', async () => {
  const registry = new Registry();
  await using cluster = await SimulatedCluster.create({
    size: 2,
    config: (name) => (name === 'n0' ? { metrics: { registry } } : {}),
  });
  const list = cluster.node('n0');
  const rings = [createRing(list), createRing(list)];
  share(list, { total: 10 });
  const options = { filter: ({ name }: { name: string }) => name === 'n0', stopInMinority: false };
  const task = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  const singletons = ['a', 'b'].map((name) => runSingleton(list, name, task, options));
  runSingleton(list, 'broken', () => Promise.reject(new Error('on purpose')), {
    ...options,
    restart: 'never',
  });
  assert.equal((await valuesOf(registry)).ring_unsettled, 3);
  await cluster.joinAll();
  await cluster.run(5_000);
  const before = await valuesOf(registry);
  assert.equal(before.ring_unsettled, 0);
  assert.equal(before.ring_view_changes_total, 3);
  assert.equal(before.share_changes_total, 1);
  assert.equal(before.singleton_running, 2);
  assert.equal(before.singleton_starts_total, 3);
  assert.equal(before.singleton_failed_total, 1);
  rings[0]?.close();
  await cluster.during(singletons[0]!.stop());
  await cluster.during(list.leave());
  const after = await valuesOf(registry);
  assert.equal(after.singleton_running, 0);
  assert.equal(after.singleton_aborted_stopped_total, 1);
  assert.equal(after.singleton_aborted_leave_total, 1);
  assert.equal(after.singleton_starts_total, 3);
  await list.shutdown();
  assert.deepEqual(await valuesOf(registry), {});
});

test('RING lists every metric, with its help', () => {
  const page = readFileSync(new URL('../../../docs/RING.md', import.meta.url), 'utf8');
  const rows = Array.from(page.matchAll(/^\| `(\w+)` +\| (.*?) +\|$/gm), ([, ...row]) => row);
  const defined: string[][] = [];
  const metrics = (kind: string) => ({
    counter: (name: string, help: string) => {
      defined.push([`${kind}_${name}`, help]);
      return { inc: () => undefined };
    },
    gauge: (name: string, help: string) => void defined.push([`${kind}_${name}`, help]),
  });
  new RingMeters(metrics('ring'), () => true);
  new ShareMeters(metrics('share'));
  new SingletonMeters(metrics('singleton'), () => true);
  const listed = rows.filter(([name]) => /^(ring|share|singleton)_/.test(name ?? ''));
  assert.deepEqual(listed, defined);
});
