/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The memory of all streams is reserved before it is allocated, on both sides.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '../../../src/errors.js';
import { Dialer, keepState } from '../../../src/exchange/dialer.js';
import { Pacer } from '../../../src/exchange/pacer.js';
import { MemoryShortage, StreamMemory } from '../../../src/exchange/stream-memory.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { VirtualClock } from '../../../src/testing/index.js';
import type { Transport } from '../../../src/transport/transport.js';
import { compressContent } from '../../../src/wire/compression.js';
import {
  encodePushPull,
  encodeUserMessage,
  wrapForStream,
} from '../../../src/wire/stream-codec.js';
import { slicedResult } from './sliced-result.js';
import { layersOf, ping, pushPull, Harness, StuckConnection, theirs } from './acceptor-harness.js';

const KiB = 1024;
const total = 1024 * KiB;
const turn = (): Promise<void> => new Promise(setImmediate);

/** A pool that records its peak usage. */
class WatchedMemory extends StreamMemory {
  peak = 0;

  constructor() {
    super({ total });
  }

  override open(options: Parameters<StreamMemory['open']>[0]): ReturnType<StreamMemory['open']> {
    const share = super.open(options);
    const reserve = (bytes: number): void => {
      share.reserve(bytes);
      this.peak = Math.max(this.peak, this.used);
    };
    return { ...share, reserve };
  }
}

async function turns(count: number, clock: VirtualClock): Promise<void> {
  for (let i = 0; i < count; i++) {
    await turn();
    clock.advance(0);
  }
}

/** One request from each of a number of sources, on connections that neither read nor send anything else. */
function fromSources(count: number, request: Buffer): StuckConnection[] {
  return Array.from({ length: count }, (_, i) => new StuckConnection(request, `10.9.${i}.1:1`));
}

const bomb = compressContent(encodeUserMessage(Buffer.alloc(400 * KiB)));

test('compression bombs are refused before they are decompressed beyond the available memory', async () => {
  const pool = new WatchedMemory();
  const harness = await Harness.open(layersOf(), { pool });
  assert.ok(bomb.length < 4 * KiB);
  const connections = fromSources(20, bomb);
  for (const connection of connections) void harness.acceptor.accept(connection);
  await turns(500, harness.clock);
  assert.ok(harness.host.drops.length > 0);
  assert.deepEqual([...new Set(harness.host.drops)], ['too-many-bytes']);
  assert.ok(pool.peak <= total);
  assert.ok(pool.peak > total / 2);
  assert.equal(harness.host.users.length + harness.host.drops.length, connections.length);
  assert.equal(pool.used, 0);
  await harness.ask(bomb);
  assert.equal(harness.host.users.at(-1)?.[0].length, 400 * KiB, 'one alone is taken');
});

test('encrypted messages and their records are reserved as well', async () => {
  const layers = layersOf({ key: Buffer.alloc(32, 5) });
  const pool = new WatchedMemory();
  const harness = await Harness.open(layers, { pool });
  const [row] = theirs.records;
  const records = Array.from({ length: 1_000 }, (_, i) => ({ ...row!, name: `node-${i}` }));
  const request = wrapForStream(encodePushPull({ join: false, ...theirs, records }), layers);
  await harness.ask(request);
  assert.equal(harness.host.merged[0]?.records.length, 1_000);
  assert.ok(pool.peak > request.length + 1_000 * 320, `${pool.peak}`);
  assert.equal(pool.used, 0);

  const tooMany = Array.from({ length: 4_000 }, (_, i) => ({ ...row!, name: `node-${i}` }));
  const refused = harness.ask(
    wrapForStream(encodePushPull({ join: false, ...theirs, records: tooMany }), layers),
  );
  await assert.rejects(refused, { code: 'ECONNRESET' });
  assert.deepEqual(harness.host.drops, ['too-many-bytes']);
  assert.equal(pool.used, 0);
});

test('unread answers stay reserved until they are read, or until the deadline', async () => {
  const pool = new WatchedMemory();
  const harness = await Harness.open(layersOf(), { pool });
  const answer = encodePushPull({ join: true, ...theirs, userState: Buffer.alloc(100 * KiB) });
  harness.host.makeState = function* (_join, memory) {
    yield;
    memory.reserve(answer.length);
    return answer;
  };
  const connections = fromSources(30, pushPull);
  for (const connection of connections) void harness.acceptor.accept(connection);
  await turns(200, harness.clock);
  const held = connections.filter(({ isClosed }) => !isClosed);
  assert.ok(held.length >= 5 && held.length <= total / answer.length, `${held.length}`);
  assert.ok(pool.used >= held.length * answer.length);
  assert.ok(pool.peak <= total);
  assert.deepEqual([...new Set(harness.host.drops)], ['too-many-bytes']);

  const [read, ...others] = held;
  const before = pool.used;
  read?.close();
  await turns(5, harness.clock);
  assert.ok(pool.used <= before - answer.length, 'what was taken is released');

  harness.clock.advance(10_000);
  await turns(5, harness.clock);
  assert.equal(pool.used, 0);
  assert.ok(
    others.every(({ isDestroyed }) => isDestroyed),
    'nothing lingers',
  );
});

test('the source that uses most gives way at any stage, and its memory is free at once', async () => {
  const pool = new WatchedMemory();
  const harness = await Harness.open(layersOf(), { pool });
  const part = encodeUserMessage(Buffer.alloc(900 * KiB)).subarray(0, -1);
  const greedy = new StuckConnection(part, '10.9.0.1:1');
  void harness.acceptor.accept(greedy);
  await turns(5, harness.clock);
  const big = encodePushPull({ join: true, ...theirs, userState: Buffer.alloc(150 * KiB) });
  assert.equal((await harness.asked(big))?.type, 6);
  assert.equal(greedy.isDestroyed, true);
  assert.deepEqual(harness.host.drops, ['too-many-bytes']);
  assert.equal(pool.used, 0);
});

test('a queued large answer does not delay a small one', async () => {
  const harness = await Harness.open();
  harness.host.makeState = function* () {
    for (;;) yield;
  };
  for (const connection of fromSources(3, pushPull)) void harness.acceptor.accept(connection);
  await turns(3, harness.clock);
  assert.equal((await harness.asked(ping('target')))?.type, 2);
});

/** Dials a peer that answers everything with these bytes. */
function dialerTo(answer: Buffer, pool: StreamMemory): { dialer: Dialer; short: string[] } {
  const clock = new VirtualClock();
  const short: string[] = [];
  const transport = {
    dial: () =>
      Promise.resolve(
        Object.assign(new StuckConnection(answer), { write: () => Promise.resolve() }),
      ),
  } as Partial<Transport> as Transport;
  const dialer = new Dialer(
    {
      transport,
      clock,
      pool,
      pacer: new Pacer({ clock: systemClock }),
      layers: layersOf(),
      short: (peer, detail) => short.push(`${peer} ${detail}`),
    },
    { timeoutMs: 10_000 },
  );
  return { dialer, short };
}

const to = { addr: '10.0.0.9:1' };
const state = () => slicedResult(pushPull);

test('the answers of peers count as well, for a push/pull and for a ping', async () => {
  const pool = new WatchedMemory();
  const large = compressContent(
    encodePushPull({ join: true, ...theirs, userState: Buffer.alloc(2 * total) }),
  );
  const { dialer, short } = dialerTo(large, pool);
  await assert.rejects(dialer.pushPull(to, { state, take: keepState }), (error) => {
    assert.ok(error instanceof ProtocolError && error.cause instanceof MemoryShortage);
    return error.message.includes('too many bytes');
  });
  assert.equal(await dialer.ping(to, { node: 'target', seqNo: 1, withinMs: 500 }), false);
  assert.equal(short.length, 2);
  assert.ok(pool.peak <= total && pool.peak > total / 2);
  assert.equal(pool.used, 0);
});

test('the answer of a peer stays reserved while it is merged', async () => {
  const pool = new WatchedMemory();
  const answer = encodePushPull({ join: true, ...theirs, userState: Buffer.alloc(50 * KiB) });
  const { dialer } = dialerTo(answer, pool);
  const held = await dialer.pushPull(to, { state, take: () => Promise.resolve(pool.used) });
  assert.ok(held >= answer.length);
  assert.equal(pool.used, 0);
});

test('outbound exchanges do not give way to inbound streams', () => {
  const pool = new StreamMemory({ total });
  const evicted = new Set<string>();
  const open = (source: string, isOutbound: boolean): ReturnType<StreamMemory['open']> =>
    pool.open({
      source,
      isOutbound,
      evict: () => evicted.add(source),
    });
  const ours = open('10.0.0.1', true);
  ours.reserve(600 * KiB);
  const others = Array.from({ length: 20 }, (_, i) => open(`10.9.0.${i}`, false));
  for (const share of others.slice(0, 14)) share.reserve(30 * KiB);
  assert.throws(() => others[15]?.reserve(40 * KiB), MemoryShortage);
  assert.deepEqual([...evicted], []);
  ours.reserve(100 * KiB);
  assert.deepEqual([...evicted], ['10.9.0.0', '10.9.0.1', '10.9.0.2', '10.9.0.3']);
  ours.close();
  assert.throws(() => ours.reserve(1), MemoryShortage);
});
