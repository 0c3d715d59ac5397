/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Who is listened to at all: cidrsAllowed on sources and on gossiped addresses, and the label.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NoPingResponseError } from '../../../src/index.js';
import { addressOf, Cluster, fast, Log, mute, names, rejection, until } from './cluster.js';

const reasons = (log: Log, code: string): unknown[] =>
  log.of(code).map(({ fields }) => fields.reason);

for (const [family, ip] of [
  ['IPv4', (n: number) => `10.0.0.${n}`],
  ['IPv6', (n: number) => `fd00::${n}`],
] as const) {
  test(`cidrsAllowed holds for packets, streams and gossiped addresses, with ${family}`, async () => {
    await using cluster = new Cluster();
    const at = (name: string, n: number) => {
      const host = ip(n).includes(':') ? `[${ip(n)}]` : ip(n);
      return { transport: cluster.network.transport(name, { addr: `${host}:7946` }) };
    };
    const log = new Log();
    const cidrsAllowed = [ip(1), ip(3)];
    const a = await cluster.node('a', { ...at('a', 1), cidrsAllowed, logger: log });
    const b = await cluster.node('b', at('b', 2));
    const c = await cluster.node('c', at('c', 3));

    await assert.rejects(b.join([addressOf(a).addr]), /reset the stream without an answer/);
    assert.deepEqual(reasons(log, 'stream-dropped'), ['not-allowed']);
    await b.sendToAddress(addressOf(a), Buffer.from('hello'));
    await until(a, () => log.of('packet-dropped').length > 0);
    assert.deepEqual(reasons(log, 'packet-dropped'), ['not-allowed']);
    await rejection(a.ping('b', addressOf(b).addr), NoPingResponseError);
    assert.deepEqual(names(a), ['a']);

    // One who is allowed talks of one who is not.
    await c.join([addressOf(a).addr, addressOf(b).addr]);
    await until(a, () => log.of('claim-refused').length > 0);
    assert.ok(reasons(log, 'claim-refused').includes('not-allowed'));
    await until([a, c], () => names(c).length === 3 && names(a).length === 2);
    assert.deepEqual(names(a), ['a', 'c']);
  });
}

test('a node that advertises an address outside of its own cidrsAllowed is warned once', async () => {
  await using cluster = new Cluster();
  const log = new Log();
  await cluster.node('a', { cidrsAllowed: ['10.0.0.0/8'], logger: log });
  assert.deepEqual(log.of('address-not-allowed'), []);
  const b = await cluster.node('b', { cidrsAllowed: ['192.168.0.0/16'], logger: log });
  const [line, ...more] = log.of('address-not-allowed');
  assert.equal(line?.level, 'warn');
  assert.equal(line.fields.address, b.localNode.addr);
  assert.deepEqual(more, []);
});

test('a foreign label is said once, with both labels, whatever comes how often', async () => {
  await using cluster = new Cluster();
  const log = new Log();
  const a = await cluster.node('a', { label: 'prod', logger: log });
  const others = [
    await cluster.node('b', { ...mute, label: 'test' }),
    await cluster.node('c', { ...mute }),
  ];
  for (const other of others) {
    for (let i = 0; i < 50; i++) await other.sendToAddress(addressOf(a), Buffer.from('hello'));
    for (let i = 0; i < 5; i++) await rejection(other.join([addressOf(a).addr]), AggregateError);
  }
  await until(a, () => log.of('foreign-label').length === 2);
  const lines = log.of('foreign-label');
  assert.ok(lines.every(({ level }) => level === 'warn'));
  assert.deepEqual(
    lines.map(({ fields }) => [fields.theirs, fields.ours]),
    [
      ['test', 'prod'],
      ['', 'prod'],
    ],
  );
  assert.match(String(lines[0]?.fields.peer), /^10\.0\.0\.2:/);
  assert.deepEqual(names(a), ['a']);
});

test('what was held back of the log is written when the node is shut down', async () => {
  await using cluster = new Cluster();
  const log = new Log();
  const a = await cluster.node('a', { label: 'prod', logger: log });
  const b = await cluster.node('b', mute);
  for (let i = 0; i < 20; i++) await b.sendToAddress(addressOf(a), Buffer.from('hello'));
  await rejection(b.join([addressOf(a).addr]), AggregateError);
  const before = log.of('packet-dropped');
  await a.shutdown();
  const [first, last, ...more] = log.of('packet-dropped');
  assert.deepEqual([before, more], [[first], []]);
  assert.equal(last?.fields.suppressed, 18);
});

test('a wave of 200 nodes that join at once from one address gets in', async () => {
  const count = 200;
  await using cluster = new Cluster();
  const log = new Log();
  const seed = await cluster.node('seed', { ...mute, logger: log });
  const transports = Array.from({ length: count }, (_, i) =>
    cluster.network.transport(`n${i}`, { addr: `10.9.9.9:${1_000 + i}` }),
  );
  const config = { ...fast, ...mute, tcpTimeout: 10_000 };
  const nodes = await Promise.all(
    transports.map((transport, i) => cluster.node(`n${i}`, { ...config, transport })),
  );
  const joins = await Promise.allSettled(nodes.map((node) => node.join([addressOf(seed).addr])));
  for (const join of joins) {
    if (join.status === 'rejected') assert.match(String(join.reason), /too many push\/pull/);
  }
  assert.ok(!reasons(log, 'stream-dropped').includes('too-many-streams'));
  assert.ok(seed.numMembers > count / 2);
});
