/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Queries among nodes of this library, and what peers can do with them. With real agents: test/interop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import type { Memberlist, MemberlistConfig } from '../../../src/index.js';
import { serfLimits } from '../../../src/serf/limits.js';
import { serf, type Serf, type SerfAnswer, type SerfQuery } from '../../../src/serf/index.js';
import {
  decodeQuery,
  encodeFilter,
  encodeQuery,
  encodeRelay,
  encodeResponse,
  decodeResponse,
  type Query,
} from '../../../src/serf/query-messages.js';
import { Cluster, Log, meet, until } from '../memberlist/cluster.js';
import { delegateOf } from './delegate-of.js';

interface World extends AsyncDisposable {
  readonly guests: Serf[];
  readonly lists: Memberlist[];
  readonly cluster: Cluster;
}

async function clusterOf(guests: Serf[], config: MemberlistConfig = {}): Promise<World> {
  const cluster = new Cluster();
  const lists: Memberlist[] = [];
  for (const [i, guest] of guests.entries()) {
    lists.push(await cluster.node(`n${i}`, { use: [guest], ...config }));
  }
  await meet(lists);
  return { guests, lists, cluster, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

async function all(answers: AsyncIterable<SerfAnswer>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { type, from, payload } of answers) {
    texts.push(`${type} ${from}${payload.length > 0 ? `: ${payload.toString()}` : ''}`);
  }
  return texts.sort();
}

const hear = (list: Memberlist, message: Buffer): void =>
  delegateOf(list).notifyMsg?.(message, { addr: '10.9.9.9:1' });

const base: Query = {
  ...{ ltime: 5, id: 1, name: 'q', payload: Buffer.alloc(0), origin: undefined, from: 'x' },
  ...{ filters: [], wantsAck: false, isPrivate: false, relayFactor: 0, timeoutMs: 5_000 },
};

async function counted(registry: Registry, name: string): Promise<number> {
  const metric = await registry.getSingleMetric(`memberlist_serf_${name}`)?.get();
  return metric?.values[0]?.value ?? NaN;
}

test('all members answer a query, this node included, with acks and responses', async () => {
  await using world = await clusterOf([serf(), serf(), serf()]);
  const { guests } = world;
  const asked: string[] = [];
  for (const [i, guest] of guests.entries()) {
    guest.on('query', ({ name, from, payload }) =>
      asked.push(`${name} ${from} ${payload.toString()}`),
    );
    guest.respond('who', ({ payload }) => (i === 2 ? undefined : `${i} ${payload.toString()}`));
  }
  const answers = guests[0]!.query('who', 'is it', { timeout: 600, requestAck: true });
  assert.deepEqual(await all(answers), [
    ...['ack n0', 'ack n1', 'ack n2'],
    ...['response n0: 0 is it', 'response n1: 1 is it'],
  ]);
  assert.deepEqual(asked, Array(3).fill('who n0 is it'));
});

test('filters select members by name and by tags', async () => {
  const tags = [{ role: 'web', dc: 'eu-1' }, { role: 'db' }, { role: 'web' }];
  await using world = await clusterOf(tags.map((each) => serf({ tags: each })));
  const { guests } = world;
  for (const guest of guests) guest.respond('q', () => 'yes');
  const ask = (options: object): Promise<string[]> =>
    all(guests[0]!.query('q', '', { timeout: 400, ...options }));
  const [names, web, european, both, none] = await Promise.all([
    ask({ filterNodes: ['n1', 'n2'] }),
    ask({ filterTags: { role: '^web$' } }),
    ask({ filterTags: { dc: 'eu-\\d' } }),
    ask({ filterTags: { role: 'web' }, filterNodes: ['n2', 'n1'] }),
    ask({ filterTags: { role: '(?=x)' } }),
  ]);
  assert.deepEqual(names, ['response n1: yes', 'response n2: yes']);
  assert.deepEqual(web, ['response n0: yes', 'response n2: yes']);
  assert.deepEqual(european, ['response n0: yes']);
  assert.deepEqual(both, ['response n2: yes']);
  assert.deepEqual(none, [], 'an expression that is none matches nothing');
});

test('a loop over the answers can end early, and a query ends with the node', async () => {
  await using world = await clusterOf([serf(), serf()]);
  const [one, two] = world.guests;
  two!.respond('q', () => 'yes');
  const froms: string[] = [];
  for await (const { from } of one!.query('q', '', { timeout: 60_000 })) {
    froms.push(from);
    break;
  }
  assert.deepEqual(froms, ['n1']);
  const answers = one!.query('nobody', '', { timeout: 60_000 });
  const result = answers.next();
  await world.lists[0]!.shutdown();
  assert.equal((await result).done, true);
  assert.throws(() => one!.query('q'), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
});

test('wrong arguments are one clear error each', async () => {
  const guest = serf();
  assert.throws(() => guest.query('q'), { code: 'ERR_MEMBERLIST_SHUTDOWN' });
  await using world = await clusterOf([guest]);
  assert.ok(world.lists.length > 0);
  const config = { code: 'ERR_MEMBERLIST_CONFIG' };
  assert.throws(() => guest.query(''), config);
  assert.throws(() => guest.query('_serf_install-key'), config);
  assert.throws(() => guest.query('q', '', { timeout: 0 }), config);
  assert.throws(() => guest.query('q', '', { relayFactor: 256 }), config);
  assert.throws(() => guest.query('q', '', { filterNodes: [1] as never }), config);
  assert.throws(() => guest.query('q', '', { filterTags: { a: 1 } as never }), config);
  assert.throws(() => guest.query('q', Buffer.alloc(1_000)), {
    code: 'ERR_MEMBERLIST_MESSAGE_TOO_LARGE',
  });
  guest.respond('q', () => '');
  assert.throws(() => guest.respond('q', () => ''), config);
  assert.throws(() => guest.respond('_serf_ping', () => ''), config);
  const open = Array.from({ length: serfLimits.runningQueries }, () =>
    guest.query('q', '', { timeout: 60_000 }),
  );
  assert.throws(() => guest.query('q'), { code: 'ERR_MEMBERLIST_BUSY' });
  await open[0]!.return?.();
  guest.query('q', '', { timeout: 60_000 });
});

test('a query can be answered once, in time, and in 1,024 bytes', async () => {
  await using world = await clusterOf([serf()]);
  const [guest] = world.guests;
  const received: SerfQuery[] = [];
  guest!.on('query', (query) => received.push(query));
  const answers = guest!.query('q', '', { timeout: 300 });
  const [query] = received;
  assert.ok(query!.timeLeft > 0 && query!.timeLeft <= 300);
  const tooLarge = { code: 'ERR_MEMBERLIST_MESSAGE_TOO_LARGE' };
  assert.throws(() => query!.respond(Buffer.alloc(1_000)), tooLarge);
  query!.respond('once');
  assert.throws(() => query!.respond('twice'), { code: 'ERR_MEMBERLIST_PROTOCOL' });
  assert.deepEqual(await all(answers), ['response n0: once']);
  const late = guest!.query('q', '', { timeout: 1 });
  await all(late);
  await until(world.lists, () => received[1]!.timeLeft < 0);
  assert.throws(() => received[1]!.respond('late'), /the time .* is over/);
});

test('a handler that throws, rejects or responds with too much is logged', async () => {
  const log = new Log();
  await using world = await clusterOf([serf()], { logger: log });
  const [guest] = world.guests;
  guest!.respond('throws', () => {
    throw new Error('no');
  });
  guest!.respond('rejects', () => Promise.reject(new Error('no')));
  guest!.respond('large', () => 'x'.repeat(1_000));
  for (const name of ['throws', 'rejects', 'large']) {
    assert.deepEqual(await all(guest!.query(name, '', { timeout: 50 })), []);
  }
  await world.lists[0]!.shutdown();
  const times = log.of('extension-threw').map(({ fields }) => 1 + Number(fields.suppressed ?? 0));
  assert.equal(
    times.reduce((sum, each) => sum + each, 0),
    3,
  );
});

test('a query is passed on once, unless it is private, whether or not it is for this node', async () => {
  await using world = await clusterOf([serf()]);
  const [list] = world.lists;
  const nobody = [encodeFilter({ kind: 'nodes', names: ['nobody'] })];
  const queued = (): number[] =>
    (delegateOf(list!).getBroadcasts?.(3, 60_000) ?? [])
      .filter((message) => message[0] === 4)
      .map((message) => decodeQuery(Buffer.from(message)).id);
  for (let id = 1; id <= 2; id++) {
    hear(list!, encodeQuery({ ...base, id, filters: nobody }));
    hear(list!, encodeQuery({ ...base, id, filters: nobody }));
  }
  hear(list!, encodeQuery({ ...base, id: 3, isPrivate: true }));
  assert.deepEqual(queued().sort(), [1, 2]);
});

test('with a relay factor an answer also takes other paths, and those of others are forwarded', async () => {
  await using world = await clusterOf([serf(), serf(), serf(), serf()]);
  const { guests, lists } = world;
  let relays = 0;
  for (const list of lists) list.on('message', (payload) => payload[0] === 9 && relays++);
  for (const guest of guests) guest.respond('q', () => 'yes');
  const answers = await all(guests[0]!.query('q', '', { timeout: 500, relayFactor: 2 }));
  assert.deepEqual(answers.length, 4, 'each once');
  assert.equal(relays, 3 * 2);
});

test('10,000 queries with one Lamport time, and a flood, are bounded and counted', async () => {
  const registry = new Registry();
  await using world = await clusterOf([serf()], { metrics: { registry } });
  const [list] = world.lists;
  const to = { addr: '10.1.1.1:7946', name: 'victim' };
  for (let id = 0; id < 10_000; id++) {
    hear(list!, encodeQuery({ ...base, id, origin: to, wantsAck: true }));
  }
  assert.ok((await counted(registry, 'queries_total')) <= serfLimits.queryBytes / 128);
  assert.ok((await counted(registry, 'queries_dropped_total')) >= 1_500);
  assert.ok(
    (await counted(registry, 'answers_dropped_total')) >= 8_000 - 4 * serfLimits.answersPerSecond,
  );
  let queued = 0;
  for (let more = 1; more > 0; queued += more) {
    more = delegateOf(list!).getBroadcasts?.(3, 60_000).length ?? 0;
  }
  assert.ok(queued <= 4 * serfLimits.queueDepth);
});

test('forged, repeated and late responses are dropped and counted', async () => {
  const registry = new Registry();
  await using world = await clusterOf([serf()], { metrics: { registry } });
  const [list] = world.lists;
  const [guest] = world.guests;
  const received: SerfQuery[] = [];
  guest!.on('query', (query) => received.push(query));
  const answers = guest!.query('q', '', { timeout: 60_000 });
  let id = -1;
  for (const message of delegateOf(list!).getBroadcasts?.(3, 60_000) ?? []) {
    if (message[0] === 4) id = decodeQuery(Buffer.from(message)).id;
  }
  assert.ok(id >= 0 && id < 2 ** 31);
  const { ltime } = received[0]!;
  const forged = (from: string, more: object = {}): Buffer =>
    encodeResponse({ ltime, id, from, isAck: false, payload: Buffer.alloc(0), ...more });
  hear(list!, forged('a', { id: id ^ 1 }));
  hear(list!, forged('a', { ltime: ltime + 1 }));
  for (let i = 0; i < 1_000; i++) hear(list!, forged(`n${i}`));
  hear(list!, forged('n1'));
  assert.equal(await counted(registry, 'responses_total'), 1 + 16);
  assert.equal(await counted(registry, 'responses_refused_total'), 1_003 - 17);
  await answers.return?.();
  hear(list!, forged('late'));
  assert.equal(await counted(registry, 'responses_refused_total'), 1_004 - 17);
});

test('relays do not loop: only responses are relayed, so many a second', async () => {
  await using world = await clusterOf([serf(), serf()]);
  const [a, b] = world.lists;
  const response = encodeResponse({
    ltime: 1,
    id: 1,
    from: 'x',
    isAck: true,
    payload: Buffer.alloc(0),
  });
  const toB = { addr: b!.localNode.address, name: 'n1' };
  const toA = { addr: a!.localNode.address, name: 'n0' };
  let forwarded = 0;
  b!.on('message', (payload) => payload[0] === 5 && forwarded++);
  let looped = 0;
  b!.on('message', (payload) => payload[0] === 9 && looped++);
  // A relay inside of a relay would travel for ever.
  hear(a!, encodeRelay({ to: toB, payload: encodeRelay({ to: toA, payload: response }) }));
  for (let i = 0; i < 500; i++) hear(a!, encodeRelay({ to: toB, payload: response }));
  await until(b!, () => forwarded >= serfLimits.relaysPerSecond - 1);
  await a!.leave();
  assert.ok(forwarded <= 2 * serfLimits.relaysPerSecond);
  assert.equal(looped, 0);
  assert.equal(decodeResponse(response).isAck, true);
});

test('handlers that do not end are bounded', async () => {
  await using world = await clusterOf([serf()]);
  const [list] = world.lists;
  let calls = 0;
  const never = new Promise<string>(() => undefined);
  world.guests[0]!.respond('q', () => {
    calls++;
    return never;
  });
  for (let id = 0; id < 1_000; id++) hear(list!, encodeQuery({ ...base, id }));
  assert.equal(calls, serfLimits.pendingAnswers);
});

test('a node without handlers, and a filter that takes for ever, cost little', async () => {
  const registry = new Registry();
  await using world = await clusterOf([serf({ tags: { t: 'a'.repeat(400) } })], {
    metrics: { registry },
  });
  const [list] = world.lists;
  const filters = Array.from({ length: 32 }, () =>
    encodeFilter({ kind: 'tag', tag: 't', expr: '(a|aa|aaa)*(a|a|a)*$' }),
  );
  const start = performance.now();
  for (let id = 0; id < 20; id++) hear(list!, encodeQuery({ ...base, id, filters }));
  assert.ok(performance.now() - start < 2_000);
  assert.equal(await counted(registry, 'filters_refused_total'), 20);
});
