/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The public interface, on simulated nodes.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  ConfigError,
  ShutdownError,
  StateLimitError,
  type MemberlistConfig,
} from '../../../src/index.js';
import {
  bytes,
  createState,
  type StateChange,
  type StateOptions,
} from '../../../src/state/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

interface Values {
  http: number;
  load: number;
  tags: string[];
}

async function pair(t: TestContext, options: StateOptions<Values> = {}) {
  const [one, two] = [createState<Values>(options), createState<Values>(options)];
  const warnings: string[] = [];
  const note = (message: string): void => void warnings.push(message);
  const logger = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  const config = (name: string): Partial<MemberlistConfig> => ({
    use: [name === 'n0' ? one : two],
    logger,
  });
  const cluster = await SimulatedCluster.create({ size: 2, seed: 1, config });
  t.after(() => cluster.close());
  await cluster.joinAll();
  await cluster.run(1_000);
  return { cluster, one, two, warnings };
}

test('what is set before the node exists is published when it does', async (t) => {
  const state = createState<Values>();
  state.set('http', 1);
  state.set('http', 8080);
  state.set('load', 0.5, { ttl: 2_000 });
  state.set('tags', []);
  assert.equal(state.delete('tags'), true);
  assert.equal(state.delete('tags'), false);
  assert.deepEqual(state.own, { http: 8080, load: 0.5 });
  assert.deepEqual(state.sizes, { nodes: 1, keys: 2, bytes: 148, ownBytes: 148 });
  assert.equal(state.get('n0', 'http'), undefined);
  const cluster = await SimulatedCluster.create({ size: 1, config: () => ({ use: [state] }) });
  t.after(() => cluster.close());
  assert.deepEqual(state.of('n0'), { http: 8080, load: 0.5 });
  await cluster.run(2_010);
  assert.deepEqual(state.own, { http: 8080 });
});

test('keys are read by all nodes, and their maps are copies', async (t) => {
  const { cluster, one, two } = await pair(t);
  one.set('tags', ['a']);
  two.set('http', 1);
  await cluster.run(10);
  assert.deepEqual(two.get('n0', 'tags'), ['a']);
  two.get('n0', 'tags')!.push('b');
  assert.deepEqual(two.of('n0'), { tags: ['a'] });
  assert.deepEqual(Object.fromEntries(one.entries()), { n0: { tags: ['a'] }, n1: { http: 1 } });
  assert.deepEqual([one.of('nobody'), one.get('nobody', 'http')], [{}, undefined]);
  one.clear();
  await cluster.run(10);
  assert.deepEqual(two.of('n0'), {});
});

test('listeners learn of each change once, of this node and of others', async (t) => {
  const { cluster, one, two } = await pair(t);
  const changes = new Map<string, StateChange<Values>[]>([
    ['one', []],
    ['two', []],
  ]);
  one.on('change', (change) => changes.get('one')!.push(change));
  two.on('change', (change) => changes.get('two')!.push(change));
  one.set('http', 1);
  one.set('http', 1);
  await cluster.run(100);
  one.set('http', 2);
  one.delete('http');
  await cluster.run(100);
  const name = 'n0';
  assert.deepEqual(changes.get('one'), [
    { name, key: 'http', value: 1, previous: undefined },
    { name, key: 'http', value: 2, previous: 1 },
    { name, key: 'http', value: undefined, previous: 2 },
  ]);
  // Writes of one turn arrive as one.
  assert.deepEqual(changes.get('two'), [
    { name, key: 'http', value: 1, previous: undefined },
    { name, key: 'http', value: undefined, previous: 1 },
  ]);
});

test('what a listener throws is reported, and the other listeners are called', async (t) => {
  const { cluster, one, two, warnings } = await pair(t);
  let called = 0;
  const listener = (): void => {
    called++;
  };
  two.on('change', () => {
    throw new Error('a bug');
  });
  const rejects = (() => Promise.reject(new Error('a later bug'))) as () => void;
  two.on('change', rejects);
  two.on('change', listener);
  one.set('http', 1);
  await cluster.run(100);
  assert.equal(called, 1);
  assert.ok(
    warnings.some((line) => line.includes("a listener of 'change'")),
    warnings.join(),
  );
  two.off('change', listener);
  one.set('http', 2);
  await cluster.run(100);
  assert.equal(called, 1);
});

test('another event, or a listener that is not a function, throws a ConfigError', () => {
  const state = createState();
  const listener = (): void => undefined;
  for (const method of ['on', 'off'] as const) {
    assert.throws(() => state[method]('changed' as never, listener), /must be 'change'/);
    assert.throws(() => state[method]('change', undefined as never), /must be a function/);
  }
});

test('an invalid key, value or time to live throws a ConfigError that says what to do', () => {
  const state = createState();
  for (const key of ['', 'x'.repeat(257), '\ud800', 7 as never]) {
    assert.throws(() => state.set(key, 1), ConfigError);
  }
  for (const ttl of [0, -1, NaN, Infinity, '1' as never]) {
    assert.throws(() => state.set('key', 1, { ttl }), ConfigError);
  }
  const misspelt = { ttlMs: 5 } as never;
  assert.throws(() => state.set('key', 1, misspelt), /ttlMs.*is no option of set; there is ttl/);
  for (const options of [null, 5_000]) {
    assert.throws(() => state.set('key', 1, options as never), ConfigError);
  }
  assert.throws(() => state.set('key', undefined), /call delete/);
  assert.deepEqual(state.own, {});
});

test('invalid options throw one ConfigError with all problems', () => {
  const wrong = { syncInterval: 1, keepAfterLeave: -1, codec: {}, schemas: { a: 1 }, tll: 1 };
  const isRight = (error: unknown): boolean =>
    error instanceof ConfigError &&
    error.problems.map(({ field }) => field).join() ===
      'tll,codec,schemas.a,syncInterval,keepAfterLeave';
  assert.throws(() => createState(wrong as never), isRight);
  assert.throws(() => createState(null as never), ConfigError);
});

test('a write beyond a limit throws a StateLimitError and changes nothing', async (t) => {
  const { cluster, one, two } = await pair(t, { maxBytesPerNode: 1_024, maxKeysPerNode: 3 });
  const isLimit = (limit: string) => (error: unknown) =>
    error instanceof StateLimitError && error.limit === limit && error.size > error.most;
  assert.throws(() => one.set('tags', ['x'.repeat(1_000)]), isLimit('maxBytesPerNode'));
  const keys = one as unknown as {
    set(key: string, value: number): void;
    delete(key: string): void;
  };
  for (const key of ['a', 'b', 'c']) keys.set(key, 1);
  assert.throws(() => keys.set('d', 1), isLimit('maxKeysPerNode'));
  await cluster.run(100);
  // A deleted key gives way at once, and the other node learns of everything.
  keys.delete('a');
  await cluster.run(100);
  keys.set('d', 1);
  assert.deepEqual(one.own, { b: 1, c: 1, d: 1 });
  await cluster.run(1_000);
  assert.deepEqual(two.of('n0'), { b: 1, c: 1, d: 1 });
  assert.equal(one.sizes.bytes, two.sizes.bytes);
});

test('after the shutdown writes throw, and reads work', async (t) => {
  const { cluster, one } = await pair(t);
  one.set('http', 1);
  await cluster.node('n0').shutdown();
  assert.throws(() => one.set('http', 2), ShutdownError);
  assert.throws(() => one.delete('http'), ShutdownError);
  assert.equal(one.get('n0', 'http'), 1);
});

test('one object serves one node', async (t) => {
  const state = createState();
  const cluster = await SimulatedCluster.create({ size: 1, config: () => ({ use: [state] }) });
  t.after(() => cluster.close());
  await assert.rejects(
    SimulatedCluster.create({ size: 1, config: () => ({ use: [state] }) }),
    /make one for each/,
  );
});

test('a value that another node cannot decode is not shown there, and reported once', async (t) => {
  const one = createState();
  const two = createState({
    codec: {
      encode: (value) => bytes.encode(value),
      decode: (value) => JSON.parse(value.toString()) as unknown,
    },
  });
  const warnings: object[] = [];
  const warn = (_message: string, fields?: object): void => void warnings.push(fields ?? {});
  const logger = { debug: () => undefined, info: () => undefined, warn, error: warn };
  const config = (name: string) => ({ use: [name === 'n0' ? one : two], logger });
  const cluster = await SimulatedCluster.create({ size: 2, config });
  t.after(() => cluster.close());
  const changes: unknown[] = [];
  two.on('change', (change) => changes.push(change));
  await cluster.joinAll();
  one.set('text', 'no JSON');
  await cluster.run(1_000);
  assert.deepEqual([two.get('n0', 'text'), two.of('n0'), changes], [undefined, {}, []]);
  const codes = warnings.map((fields) => (fields as { code?: string }).code);
  assert.deepEqual(codes.filter((code) => code === 'state-value-invalid').length, 1);
});

test('keys such as __proto__ and constructor are ordinary keys', async (t) => {
  const one = createState();
  const cluster = await SimulatedCluster.create({ size: 1, config: () => ({ use: [one] }) });
  t.after(() => cluster.close());
  for (const key of ['__proto__', 'constructor', 'toString']) one.set(key, { x: 1 });
  assert.deepEqual(Object.keys(one.own).sort(), ['__proto__', 'constructor', 'toString']);
  assert.equal(({} as { x?: unknown }).x, undefined);
  assert.equal(one.get('n0', 'hasOwnProperty'), undefined);
});
