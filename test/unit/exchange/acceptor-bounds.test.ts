/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The bounds on inbound streams, push/pulls and memory, in total and for each source.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../src/wire/limits.js';
import { encodePushPull, encodeUserMessage } from '../../../src/wire/stream-codec.js';
import { ping, pushPull, Harness, StuckConnection, theirs } from './acceptor-harness.js';

const turn = (): Promise<void> => new Promise(setImmediate);

/** Connections of one source that send a request and then neither read nor send. */
function stuck(count: number, request: Buffer, ip = '10.0.0.9'): StuckConnection[] {
  return Array.from({ length: count }, (_, i) => new StuckConnection(request, `${ip}:${i + 1}`));
}

/** Accepts the connections; resolves when all sent data has been read. */
async function accepted(harness: Harness, connections: readonly StuckConnection[]): Promise<void> {
  for (const connection of connections) void harness.acceptor.accept(connection);
  for (let turns = 0; turns < 5; turns++) await turn();
}

const open = (connections: readonly StuckConnection[]): number =>
  connections.filter(({ isClosed }) => !isClosed).length;
const idle = Buffer.alloc(0);

test('one source has 256 streams at once; the next is closed unread and counted', async () => {
  const harness = await Harness.open();
  const greedy = stuck(limits.streamsPerSource + 10, idle);
  await accepted(harness, greedy);
  assert.equal(open(greedy), limits.streamsPerSource);
  assert.ok(greedy.slice(limits.streamsPerSource).every(({ isClosed }) => isClosed));
  assert.deepEqual(harness.host.drops, Array(10).fill('too-many-streams'));
  assert.equal((await harness.asked(ping('target')))?.type, 2, 'another source is served');

  greedy[0]?.close();
  await turn();
  const [later] = stuck(1, idle);
  await accepted(harness, [later!]);
  assert.equal(later?.isClosed, false, 'there is room again');
});

test('past 1024 streams the source that has most gives way to one that has less', async () => {
  const harness = await Harness.open();
  const count = limits.streamsPerSource;
  const sources = [1, 2, 3, 4].map((n) => stuck(count, idle, `10.9.0.${n}`));
  await accepted(harness, sources.flat());
  assert.equal(open(sources.flat()), limits.streams);
  assert.deepEqual(harness.host.drops, []);

  const others = stuck(count, idle, '10.9.0.5');
  await accepted(harness, others);
  assert.equal(open([...sources.flat(), ...others]), limits.streams);
  const shares = [...sources, others].map(open);
  assert.ok(Math.max(...shares) - Math.min(...shares) <= 2, shares.join());
  assert.ok(sources[0]?.[0]?.isClosed, 'the oldest goes first');
  assert.deepEqual([...new Set(harness.host.drops)], ['too-many-streams']);
  assert.equal((await harness.asked(pushPull))?.type, 6, 'a source without streams is served');
});

test('if the system allows few streams, one source may use half of them', async () => {
  const harness = await Harness.open(undefined, { maxStreams: 4 });
  const greedy = stuck(3, idle, '10.9.0.1');
  await accepted(harness, greedy);
  assert.equal(open(greedy), 2);
  const others = [2, 3, 4].map((n) => stuck(1, idle, `10.9.0.${n}`));
  await accepted(harness, others.flat());
  assert.equal(open([...greedy, ...others.flat()]), 4);
  assert.equal(open(others.flat()), 3);
  assert.deepEqual(harness.host.drops, ['too-many-streams', 'too-many-streams']);
});

test('addresses of one IPv6 network are one source', async () => {
  const harness = await Harness.open();
  const address = (i: number): string => `[2001:db8:0:1::${(i + 1).toString(16)}]:7946`;
  const make = (_: unknown, i: number): StuckConnection => new StuckConnection(idle, address(i));
  const greedy = Array.from({ length: limits.streamsPerSource + 1 }, make);
  await accepted(harness, [...greedy, new StuckConnection(idle, '[2001:db8:0:2::1]:7946')]);
  assert.deepEqual(harness.host.drops, ['too-many-streams']);
});

test('idle streams end at the deadline, and then the source may open others', async () => {
  const harness = await Harness.open();
  const greedy = stuck(limits.streamsPerSource, idle);
  await accepted(harness, greedy);
  harness.clock.advance(9_999);
  await turn();
  assert.equal(open(greedy), limits.streamsPerSource);
  harness.clock.advance(1);
  for (let turns = 0; turns < 5; turns++) await turn();
  assert.equal(open(greedy), 0);
  assert.deepEqual(harness.host.drops, Array(limits.streamsPerSource).fill('timed-out'));
  const later = stuck(limits.streamsPerSource, idle);
  await accepted(harness, later);
  assert.equal(open(later), limits.streamsPerSource);
});

// A push/pull may be complete, with its answer in transit, or only its first bytes may have arrived.
for (const [what, request] of [
  ['being answered', pushPull],
  ['being received', pushPull.subarray(0, 5)],
] as const) {
  test(`the 129th push/pull of a source is refused while 128 are ${what}`, async () => {
    const harness = await Harness.open();
    const connections = stuck(limits.pushPullExchanges, request, '10.0.0.2');
    await accepted(harness, connections);
    const answer = await harness.asked(pushPull);
    assert.ok(answer?.type === 13);
    assert.match(answer.error, /too many/);
    assert.deepEqual(harness.host.drops, ['too-many-exchanges']);
    assert.deepEqual(harness.host.merged, []);
    assert.equal((await harness.asked(ping('target')))?.type, 2);
    assert.equal(limits.pushPullExchanges, 128);

    connections[0]?.close();
    await turn();
    assert.equal((await harness.asked(pushPull))?.type, 6);
  });

  test(`the push/pull of another source is taken while 128 are ${what}`, async () => {
    const harness = await Harness.open();
    const connections = stuck(limits.pushPullExchanges, request);
    await accepted(harness, connections);
    assert.equal((await harness.asked(pushPull))?.type, 6);
    assert.deepEqual(harness.host.drops, ['too-many-exchanges']);
    assert.equal(connections[0]?.isClosed, true, 'the oldest of those gave way');
    assert.equal(open(connections), limits.pushPullExchanges - 1);
  });
}

test('streams use at most 256 MiB, and the source that uses most gives way', async () => {
  const harness = await Harness.open();
  // An almost complete request uses memory until it is complete, or until the deadline.
  const part = encodeUserMessage(Buffer.alloc(limits.userStreamBytes)).subarray(0, -1);
  const fitting = Math.floor(limits.heldBytes / part.length);
  const greedy = stuck(fitting + 2, part);
  await accepted(harness, greedy);
  assert.equal(open(greedy), fitting);
  assert.deepEqual(harness.host.drops, ['too-many-bytes', 'too-many-bytes']);
  const big = encodePushPull({ join: true, ...theirs, userState: Buffer.alloc(17 * 2 ** 20) });
  assert.equal((await harness.asked(big))?.type, 6);
  // A growing buffer uses its memory twice for a moment.
  assert.equal(open(greedy), fitting - 2);
  assert.equal(harness.host.drops.at(-1), 'too-many-bytes');
  for (const connection of greedy) connection.close();
});

test('a stream from a network that is not allowed is closed unread and counted', async () => {
  const harness = await Harness.open();
  const asked: string[] = [];
  harness.host.allowsIp = (ip) => asked.push(ip) === 0;
  const connections = ['10.0.0.9:1', '[fe80::1%eth0]:1', 'no ip'].map(
    (address) => new StuckConnection(pushPull, address),
  );
  let reads = 0;
  for (const connection of connections)
    connection.read = () => Promise.resolve(reads++ ? null : idle);
  await accepted(harness, connections);
  assert.deepEqual(asked, ['10.0.0.9', 'fe80::1%eth0', 'no ip']);
  assert.equal(reads, 0);
  assert.equal(open(connections), 0);
  assert.deepEqual(harness.host.drops, ['not-allowed', 'not-allowed', 'not-allowed']);
});

test('exchanges that throw inside this library release their resources', async () => {
  const harness = await Harness.open();
  harness.host.merge = () => {
    throw new TypeError('a bug');
  };
  for (let i = 0; i < limits.pushPullExchanges + 10; i++) {
    assert.equal((await harness.asked(pushPull))?.type, 6);
  }
  assert.equal(harness.host.failures.length, limits.pushPullExchanges + 10);
  assert.deepEqual(harness.host.drops, []);
  harness.host.allowsIp = () => {
    throw new TypeError('a bug before anything is taken');
  };
  const [connection] = stuck(1, idle);
  await assert.rejects(harness.acceptor.accept(connection!), /before anything/);
  assert.equal(harness.running, 0);
});
