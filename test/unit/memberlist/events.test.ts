/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { MemberEvent, Memberlist } from '../../../src/index.js';
import { Cluster, addressOf, fast, meet, mute, until } from './cluster.js';

const done = { value: undefined, done: true };

// Sends that many messages, and sees to it that they arrive.
async function shower(from: Memberlist, to: Memberlist, count: number): Promise<void> {
  let arrived = 0;
  const arrive = (): void => {
    arrived++;
  };
  to.on('message', arrive);
  for (let sent = 0; sent < count;) {
    for (let i = 0; i < 100 && sent < count; i++, sent++) {
      await from.sendBestEffort(to.localNode, Buffer.from(String(sent)));
    }
    const expected = sent;
    await until(to, () => arrived === expected);
  }
  to.off('message', arrive);
}

void describe('the emitter', () => {
  void it('works with once() of node:events', async () => {
    await using cluster = new Cluster();
    const [a, b] = [await cluster.node('a'), await cluster.node('b')];
    const joined = once(a, 'join') as Promise<[{ name: string }]>;
    await b.join([addressOf(a).addr]);
    const [node] = await joined;
    assert.equal(node.name, 'b');
  });

  void it('tells of suspicion, recovery and its own health', async () => {
    await using cluster = new Cluster();
    const config = { ...fast, probeInterval: 60, probeTimeout: 30, suspicionMult: 50 };
    const [a] = await cluster.joined(['a', 'b'], config);
    const told: string[] = [];
    a!.on('suspect', ({ name, state }) => told.push(`suspect ${name} ${state}`));
    a!.on('refute', ({ name, state }) => told.push(`recover ${name} ${state}`));
    a!.on('join', ({ name }) => told.push(`join ${name}`));
    a!.on('leave', ({ name }) => told.push(`leave ${name}`));
    const scores: number[] = [];
    a!.on('health', (score) => {
      assert.equal(score, a!.healthScore);
      scores.push(score);
    });
    cluster.network.partition([['a'], ['b']]);
    await until(a!, () => told.length > 0);
    assert.ok(a!.healthScore > 0);
    cluster.network.heal();
    await until(a!, () => a!.member('b')?.state === 'alive' && a!.healthScore === 0);
    assert.deepEqual(told.slice(0, 2), ['suspect b suspect', 'recover b alive']);
    assert.ok(
      told.every((line) => /^(suspect|recover)/.test(line)),
      told.join(),
    );
    assert.equal(scores[0], 1);
    assert.equal(scores.at(-1), 0);
  });
});

void describe('Memberlist.events', () => {
  void it('gives what the emitter gives, each with its type, in the same order', async () => {
    await using cluster = new Cluster();
    let meta = 'one';
    const a = await cluster.node('a');
    const b = await cluster.node('b', { delegate: { nodeMeta: () => Buffer.from(meta) } });
    const stream = a.events();
    const emitted: MemberEvent[] = [];
    a.on('join', (node) => emitted.push({ type: 'join', node }));
    a.on('leave', (node, reason) => emitted.push({ type: 'leave', node, reason }));
    a.on('update', (node, previousMeta) => emitted.push({ type: 'update', node, previousMeta }));
    a.on('suspect', (node) => emitted.push({ type: 'suspect', node }));
    a.on('refute', (node) => emitted.push({ type: 'refute', node }));
    a.on('message', (payload, from) => emitted.push({ type: 'message', payload, from }));
    a.on('conflict', (existing, other) => emitted.push({ type: 'conflict', existing, other }));
    a.on('health', (score) => emitted.push({ type: 'health', score }));
    await meet([a, b]);
    meta = 'two';
    await b.updateNode();
    await until(a, () => a.member('b')?.meta.toString() === 'two');
    await b.sendReliable(a.localNode, Buffer.from('hello'));
    await until(a, () => emitted.some(({ type }) => type === 'message'));
    const imposter = await cluster.node('b', { transport: cluster.network.transport('x') });
    await imposter.join([addressOf(a).addr]).catch(() => undefined);
    await until(a, () => emitted.some(({ type }) => type === 'conflict'));
    await imposter.shutdown();
    await b.leave();
    await until(a, () => a.numMembers === 1);
    await a.shutdown();

    const read: MemberEvent[] = [];
    for await (const event of stream) read.push(event);
    assert.deepEqual(read, emitted);
    const types = read.map(({ type }) => type).filter((type) => type !== 'conflict');
    assert.deepEqual(types, ['join', 'update', 'message', 'leave']);
  });

  void it('begins with the events after the call', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const stream = a!.events();
    await b!.leave();
    const { value } = (await stream.next()) as IteratorYieldResult<MemberEvent>;
    assert.equal(value.type, 'leave');
  });

  void it('serves readers that wait, in order', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const stream = a!.events();
    const reads = [stream.next(), stream.next(), stream.next()];
    await shower(b!, a!, 3);
    const results = (await Promise.all(reads)) as IteratorYieldResult<MemberEvent>[];
    const payloads = results.map(({ value }) =>
      value.type === 'message' ? value.payload.toString() : value.type,
    );
    assert.deepEqual(payloads, ['0', '1', '2']);
  });

  void it('keeps 1024 events, and then says how many it dropped', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b'], mute);
    const stream = a!.events();
    const idle = a!.events();
    await shower(b!, a!, 1_024 + 76);
    for (let i = 0; i < 1_024; i++) {
      const { value } = (await stream.next()) as IteratorYieldResult<MemberEvent>;
      assert.ok(value.type === 'message');
      assert.equal(value.payload.toString(), String(i));
    }
    // Until the reader knows of the gap, what comes is part of it.
    await shower(b!, a!, 4);
    const gap = await stream.next();
    assert.deepEqual(gap, { value: { type: 'overflow', dropped: 80 }, done: false });
    await shower(b!, a!, 1);
    const { value } = (await stream.next()) as IteratorYieldResult<MemberEvent>;
    assert.equal(value.type, 'message');
    await idle.return?.();
  });

  void it('keeps exactly 1024 without a gap', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b'], mute);
    const stream = a!.events();
    await shower(b!, a!, 1_024);
    await a!.shutdown();
    let read = 0;
    for await (const event of stream) {
      assert.equal(event.type, 'message');
      read++;
    }
    assert.equal(read, 1_024);
  });

  void it('ends on shutdown, once what waits was read', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const [stream, waiting] = [a!.events(), a!.events()];
    await shower(b!, a!, 1);
    await waiting.next();
    const ended = waiting.next();
    await a!.shutdown();
    assert.deepEqual(await ended, done);
    assert.equal((await stream.next()).done, false);
    assert.deepEqual(await stream.next(), done);
    assert.deepEqual(await stream.next(), done);
  });

  void it('ends when its signal is aborted, at once or before', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const controller = new AbortController();
    const stream = a!.events({ signal: controller.signal });
    const waiting = stream.next();
    controller.abort();
    assert.deepEqual(await waiting, done);
    await shower(b!, a!, 1);
    assert.deepEqual(await stream.next(), done);
    assert.deepEqual(await a!.events({ signal: AbortSignal.abort() }).next(), done);
  });

  void it('ends with return(), as a loop does that is left', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const stream = a!.events();
    await shower(b!, a!, 3);
    for await (const event of stream) {
      assert.equal(event.type, 'message');
      break;
    }
    assert.deepEqual(await stream.next(), done);
    const other = a!.events();
    const waiting = other.next();
    assert.deepEqual(await other.return?.(), done);
    assert.deepEqual(await waiting, done);
  });

  void it('lets several read on their own', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const streams = [a!.events(), a!.events()];
    await shower(b!, a!, 2);
    await streams[0]!.return?.();
    const { value } = (await streams[1]!.next()) as IteratorYieldResult<MemberEvent>;
    assert.equal(value.type, 'message');
  });
});
