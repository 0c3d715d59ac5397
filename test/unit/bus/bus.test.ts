/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the application calls: options, subscribers, iterators, codecs, errors.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createBus, json, msgpack, type Bus, type StandardSchema } from '../../../src/bus/index.js';
import { busLimits } from '../../../src/bus/limits.js';
import { BusMeters } from '../../../src/bus/meters.js';
import { lanConfig } from '../../../src/index.js';
import { extensionContract, SimulatedCluster } from '../../../src/testing/index.js';

for (const { name, run } of extensionContract(() => createBus())) test(name, run);

/** Two nodes, with a bus each. */
async function pair<Topics extends object>(create: () => Bus<Topics>) {
  const buses: Bus<Topics>[] = [];
  const logged: string[] = [];
  const note = (_text: string, fields?: object): void => {
    logged.push((fields as { code?: string } | undefined)?.code ?? '');
  };
  const cluster = await SimulatedCluster.create({
    size: 2,
    config: () => {
      const bus = create();
      buses.push(bus);
      const logger = { debug: note, info: note, warn: note, error: note };
      return { ...lanConfig(), logger, use: [bus] };
    },
  });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  const [a, b] = buses as [Bus<Topics>, Bus<Topics>];
  return { cluster, a, b, logged };
}

const bytes = (text: string): Buffer => Buffer.from(text);
const config = { code: 'ERR_MEMBERLIST_CONFIG' };

test('wrong options are one error that lists them all', () => {
  const wrong = {
    ...{ name: 'No', directPeers: 0, maxMessageBytes: 1e9, grace: Number.NaN },
    ...{ since: 'ever', codec: {}, schemas: { t: {} }, retention: { bytes: 5 } },
  } as never;
  assert.throws(
    () => createBus(wrong),
    (error: Error & { problems: { field: string }[] }) => {
      assert.deepEqual(error.problems.map(({ field }) => field).sort(), [
        ...['codec', 'directPeers', 'grace', 'maxMessageBytes', 'name', 'retention.bytes'],
        ...['schemas.t', 'since'],
      ]);
      return true;
    },
  );
});

test('wrong arguments are errors, and nothing is sent', async () => {
  const unused = createBus();
  await assert.rejects(unused.publish('t', bytes('x')), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
  const { cluster, a } = await pair(() => createBus({ maxMessageBytes: 1_000 }));
  await assert.rejects(a.publish('', bytes('x')), config);
  await assert.rejects(a.publish('x'.repeat(257), bytes('x')), config);
  await assert.rejects(a.publish('t', 'text' as never), TypeError);
  await assert.rejects(a.publish('t', bytes('x'), { confirm: true, timeout: -1 }), config);
  await assert.rejects(a.publish('t', Buffer.alloc(1_001)), {
    code: 'ERR_MEMBERLIST_MESSAGE_TOO_LARGE',
  });
  assert.throws(() => a.subscribe('t', undefined as never), config);
  assert.throws(() => a.messages('t', { maxBuffered: 0 }), config);
  assert.throws(() => a.request('t', bytes('x'), { to: 'b' as never }), config);
  a.respond('t', () => undefined);
  assert.throws(() => a.respond('t', () => undefined), config);
  const { id } = await cluster.during(a.publish('t', bytes('x')));
  assert.equal(id, `${a.bootId}:1`);
  await cluster.close();
  await assert.rejects(a.publish('t', bytes('x')), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
});

test('the payload can be changed after publish, and own messages can be left out', async () => {
  const { cluster, a, b } = await pair(() => createBus());
  const got: string[] = [];
  a.subscribe('t', ({ payload }) => void got.push(`own ${payload.toString()}`));
  a.subscribe('t', () => void got.push('never'), { self: false });
  const stop = b.subscribe('t', ({ payload }) => void got.push(payload.toString()));
  const payload = bytes('before');
  const published = a.publish('t', payload);
  payload.fill('x');
  assert.deepEqual(got, [], 'asynchronously');
  await cluster.during(published);
  await cluster.run(100);
  stop();
  await cluster.during(a.publish('t', bytes('after')));
  await cluster.run(100);
  assert.deepEqual(got, ['own before', 'before', 'own after']);
  await cluster.close();
});

test('a subscriber that throws or rejects is logged, and the others are called', async () => {
  const { cluster, a, b, logged } = await pair(() => createBus());
  let calls = 0;
  b.subscribe('t', () => {
    throw new Error('thrown');
  });
  b.subscribe('t', () => Promise.reject(new Error('rejected')));
  b.subscribe('t', () => calls++);
  await cluster.during(a.publish('t', bytes('x')));
  await cluster.run(100);
  assert.equal(calls, 1);
  assert.ok(logged.includes('extension-threw'));
  await cluster.close();
});

test('a slow iterator drops the oldest and tells how many; it ends with its signal', async () => {
  const { cluster, a, b } = await pair(() => createBus());
  const controller = new AbortController();
  const messages = b.messages('t', { maxBuffered: 3, signal: controller.signal });
  const waiting = messages.next();
  for (let i = 0; i < 10; i++) void a.publish('t', bytes(`${i}`));
  await cluster.run(100);
  const got: [string, number][] = [];
  for (const result of [
    await waiting,
    await messages.next(),
    await messages.next(),
    await messages.next(),
  ]) {
    if (result.done !== true) got.push([result.value.payload.toString(), result.value.missed]);
  }
  assert.deepEqual(got, [
    ['0', 0],
    ['7', 6],
    ['8', 0],
    ['9', 0],
  ]);
  const last = messages.next();
  controller.abort();
  assert.deepEqual(await last, { done: true, value: undefined });
  const other = b.messages('t');
  await cluster.close();
  assert.equal((await other.next()).done, true);
});

test('typed payloads: JSON and MessagePack, and what a peer sends is validated', async () => {
  const price: StandardSchema = {
    '~standard': {
      version: 1,
      validate: (value) =>
        typeof (value as { cents?: unknown }).cents === 'number'
          ? { value }
          : { issues: [{ message: 'no cents' }] },
    },
  };
  for (const codec of [json, msgpack]) {
    const { cluster, a, b, logged } = await pair(() =>
      createBus<{ prices: { cents: number } }>({ codec, schemas: { prices: price } }),
    );
    const got: number[] = [];
    b.subscribe('prices', ({ payload }) => void got.push(payload.cents));
    for (const each of [{ cents: 5 }, { dollars: 5 } as never, { cents: 7 }]) {
      void a.publish('prices', each);
    }
    await cluster.run(100);
    assert.deepEqual(got, [5, 7]);
    assert.ok(logged.includes('packet-dropped'));
    await cluster.close();
  }
});

test('hostile MessagePack is refused, and changes no prototype', () => {
  const deep = Buffer.alloc(200_000, 0x91);
  for (const hostile of [deep, Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff), Buffer.of(0xc1)]) {
    assert.throws(() => msgpack.decode(hostile, 't'));
  }
  const encoded = Buffer.concat([
    Buffer.of(0x81, 0xa9),
    bytes('__proto__'),
    Buffer.of(0x81, 0xa1, 0x61, 1),
  ]);
  const value = msgpack.decode(encoded, 't') as { a?: number };
  assert.equal(value.a, undefined);
  assert.deepEqual(msgpack.decode(Buffer.from(msgpack.encode({ a: [1, 'x', null] }, 't')), 't'), {
    a: [1, 'x', null],
  });
});

test('a full queue rejects, and what was accepted arrives', async () => {
  const { cluster, a, b } = await pair(() => createBus());
  let delivered = 0;
  b.subscribe('t', () => delivered++);
  let busy = 0;
  let accepted = 0;
  const large = Buffer.alloc(1_000);
  const count = Math.ceil(busLimits.queueBytes / 1_000) + 100;
  for (let i = 0; i < count; i++) {
    a.publish('t', large).then(
      () => accepted++,
      () => busy++,
    );
  }
  const isDone = (): boolean => accepted + busy === count && delivered === accepted;
  await cluster.runUntil(isDone, { timeout: 60_000 });
  assert.equal(busy >= 100, true);
  await cluster.close();
});

test('an abandoned request cancels its handlers, and a late answer is no error', async () => {
  const { cluster, a, b } = await pair(() => createBus());
  let signal: AbortSignal | undefined;
  b.respond('t', (_payload, info) => {
    signal = info.signal;
    return new Promise((resolve) => {
      cluster.clock.setTimer(1_000, () => resolve(bytes('late')));
    });
  });
  const answers = a.request('t', bytes('x'));
  await cluster.runUntil(() => signal !== undefined);
  await answers.return?.();
  await cluster.runUntil(() => signal?.aborted === true);
  await cluster.run(5_000);
  assert.deepEqual(await answers.next(), { done: true, value: undefined });
  const none = a.request('nobody answers', bytes('x'));
  assert.equal((await cluster.during(none.next())).done, true);
  await cluster.close();
});

test('BUS lists every metric, with its help', () => {
  const page = readFileSync(new URL('../../../docs/BUS.md', import.meta.url), 'utf8');
  const rows = Array.from(page.matchAll(/^\| `(\w+)` +\| (.*?) +\|$/gm), ([, name, help]) => [
    name,
    help,
  ]);
  const defined: string[][] = [];
  const counter = (name: string, help: string) => {
    defined.push([name, help]);
    return { inc: () => undefined };
  };
  const read = (): number => 0;
  const gauges = { queuedMessages: read, queuedBytes: read, retainedBytes: read, publishers: read };
  new BusMeters({ counter, gauge: (name, help) => void defined.push([name, help]) }, gauges);
  const listed = rows.filter(([name]) => defined.some(([each]) => each === name));
  assert.deepEqual(listed, defined);
});
