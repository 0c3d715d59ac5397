/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import {
  ConfigError,
  MessageTooLargeError,
  ProtocolError,
  ShutdownError,
  TransmitLimitedQueue,
  type Extension,
  type ExtensionContext,
  type ExtensionHooks,
  type Memberlist,
} from '../../../src/index.js';
import { Cluster, fast, Log, rejection, until } from '../memberlist/cluster.js';

/** An extension that notes what it is called with. */
class Probe implements Extension {
  readonly name: string;
  readonly version: number;
  readonly notes: string[] = [];
  context!: ExtensionContext;
  hooks: ExtensionHooks = {};

  constructor(name = 'probe', version = 1) {
    this.name = name;
    this.version = version;
  }

  attach(context: ExtensionContext): ExtensionHooks {
    this.context = context;
    return {
      message: (payload, from) => void this.notes.push(`${from.name}: ${payload.toString()}`),
      joined: () => void this.notes.push('joined'),
      stopped: () => void this.notes.push('stopped'),
      ...this.hooks,
    };
  }

  /** The messages that came. */
  get messages(): string[] {
    return this.notes.filter((note) => note.includes(': '));
  }
}

async function pair(
  cluster: Cluster,
  [one, two]: readonly [readonly Extension[], readonly Extension[]],
  config = {},
): Promise<[Memberlist, Memberlist]> {
  const a = await cluster.node('a', { use: one, ...config });
  const b = await cluster.node('b', { use: two, ...config });
  await b.join([a.localNode.address]);
  await until([a, b], () => a.numMembers === 2 && b.numMembers === 2);
  return [a, b];
}

void describe('an extension', () => {
  void it('is announced to others, whose metadata is the user’s alone', async () => {
    await using cluster = new Cluster();
    const delegate = { nodeMeta: (limit: number) => Buffer.from(`room for ${limit}`) };
    const [a, b] = await pair(cluster, [[new Probe(), new Probe('ring', 9)], []], { delegate });
    assert.deepEqual({ ...b.member('a')?.extensions }, { probe: 1, ring: 9 });
    assert.deepEqual({ ...b.member('b')?.extensions }, {});
    assert.equal(b.member('a')?.meta.toString(), 'room for 495');
    assert.equal(a.localNode.meta.toString(), 'room for 495');
    assert.equal(b.localNode.meta.toString(), 'room for 512');
    await a.setMeta(Buffer.alloc(495, 1));
    await rejection(a.setMeta(Buffer.alloc(496, 1)), MessageTooLargeError);
    await until(b, () => b.member('a')?.meta.length === 495);
    assert.deepEqual({ ...b.member('a')?.extensions }, { probe: 1, ring: 9 });
  });

  void it('sends one packet to several members, encoded once, and leaves out those without it', async () => {
    await using cluster = new Cluster();
    const probes = [new Probe(), new Probe(), new Probe()] as const;
    const key = Buffer.alloc(32, 7);
    const [a] = await pair(cluster, [[probes[0]], [probes[1]]], { secretKey: key });
    const c = await cluster.node('c', { use: [probes[2]], secretKey: key });
    const plain = await cluster.node('plain', { secretKey: key });
    for (const list of [c, plain]) await list.join([a.localNode.address]);
    const { context } = probes[0];
    await until(a, () => context.peers().length === 2 && context.numMembers === 4);
    await context.sendToAll(['b', context.member('c') ?? '', 'plain', 'gone'], Buffer.from('hi'));
    await until(a, () => probes[1].messages.length + probes[2].messages.length === 2);
    assert.deepEqual([...probes[1].messages, ...probes[2].messages], ['a: hi', 'a: hi']);
    await context.sendToAll([], Buffer.from('to nobody'));
    const tooLong = Buffer.alloc(context.packetBudget + 1);
    await rejection(context.sendToAll(['b'], tooLong), MessageTooLargeError);
    await a.shutdown();
    await rejection(context.sendToAll(['b'], Buffer.from('late')), ShutdownError);
  });

  void it('talks to the same extension elsewhere by packets, streams and gossip', async () => {
    await using cluster = new Cluster();
    const [one, two] = [new Probe(), new Probe()];
    const [a] = await pair(cluster, [[one], [two]]);
    await until(a, () => one.context.peers().length === 1);
    await one.context.send('b', Buffer.from('packet'));
    await one.context.sendReliable('b', Buffer.from('stream'));
    one.context.broadcast(Buffer.from('gossip'));
    await until(a, () => two.messages.length >= 3);
    assert.deepEqual([...new Set(two.messages)].sort(), ['a: gossip', 'a: packet', 'a: stream']);
    const longest = Buffer.alloc(one.context.packetBudget);
    await one.context.send('b', longest);
    one.context.broadcast(longest);
    await until(a, () => two.messages.filter(({ length }) => length > 100).length >= 2);
    const long = Buffer.alloc(longest.length + 1);
    await rejection(one.context.send('b', long), MessageTooLargeError);
    assert.throws(() => one.context.broadcast(long), MessageTooLargeError);
  });

  void it('sends nothing to a member that does not have it, not even gossip', async () => {
    await using cluster = new Cluster();
    const [one, two] = [new Probe('probe'), new Probe('other')];
    const heard: Buffer[] = [];
    const log = new Log();
    const [a, b] = await pair(cluster, [[one], [two]], { logger: log });
    const c = await cluster.node('c', {
      logger: log,
      delegate: { notifyMsg: (message) => void heard.push(message) },
    });
    await c.join([a.localNode.address]);
    await until([a, b, c], () => [a, b, c].every((list) => list.numMembers === 3));
    await rejection(one.context.send('c', Buffer.of(1)), ProtocolError);
    await rejection(one.context.sendReliable('b', Buffer.of(1)), ProtocolError);
    let finished = 0;
    one.context.broadcast(Buffer.from('to no peers'), { finished: () => finished++ });
    await until(a, () => finished === 1);
    // With a peer: what it gets, the others do not.
    const three = new Probe('probe');
    const d = await cluster.node('d', { use: [three] });
    await d.join([a.localNode.address]);
    await until(a, () => one.context.peers().length === 1);
    one.context.broadcast(Buffer.from('to d'), { finished: () => finished++ });
    await until(a, () => finished === 2);
    await until(a, () => three.messages.length > 0);
    assert.deepEqual([two.messages, heard], [[], []]);
    // Nodes of this library drop what other implementations would hand to their delegate.
    const dropped = log.lines.filter(({ fields }) => fields.reason === 'unknown-extension');
    assert.deepEqual(dropped, []);
  });

  void it('has messages of extensions that the node lacks dropped and counted, and users cannot forge them', async () => {
    await using cluster = new Cluster();
    const registry = new Registry();
    const [one, two] = [new Probe(), new Probe()];
    const [a, b] = await pair(cluster, [[one], [two]], { metrics: { registry } });
    const raw = Buffer.concat([Buffer.from([0xc1, 0xfd, 3]), Buffer.from('bus'), Buffer.of(0)]);
    for (const send of [
      () => a.sendBestEffort('b', raw),
      () => a.sendReliable('b', raw),
      () => Promise.resolve().then(() => a.broadcast(raw)),
    ]) {
      await rejection(send(), ConfigError);
    }
    const queue = new TransmitLimitedQueue({ numNodes: () => 2, retransmitMult: 1 });
    queue.queueBroadcast({ message: raw });
    const got: Buffer[] = [];
    b.on('message', (payload) => got.push(payload));
    const c = await cluster.node('c', {
      delegate: {
        getBroadcasts: (overhead, limit) => queue.getBroadcasts(overhead, limit),
      },
    });
    await c.join([b.localNode.address]);
    const dropped = async (): Promise<number> => {
      const metric = await registry.getSingleMetric('memberlist_drops_total')?.get();
      const values = metric?.values.filter(
        ({ labels }) => labels.reason === 'unknown-extension' && labels.node !== 'c',
      );
      return (values ?? []).reduce((sum, { value }) => sum + value, 0);
    };
    let count = 0;
    while (count === 0) {
      await until([a, b, c], () => queue.numQueued === 0);
      count = await dropped();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(got, []);
  });

  void it('is called when the node joins, leaves and stops, and not afterwards', async () => {
    await using cluster = new Cluster();
    const [one, two] = [new Probe(), new Probe()];
    let release: () => void = () => undefined;
    one.hooks = {
      leaving: () => {
        one.notes.push('leaving');
        return new Promise((resolve) => (release = resolve));
      },
    };
    const [a, b] = await pair(cluster, [[one], [two]]);
    assert.deepEqual(one.notes, ['joined'], 'it was joined');
    assert.deepEqual(two.notes, ['joined']);
    const events: string[] = [];
    two.context.on('leave', ({ name }, reason) => events.push(`${name} ${reason}`));
    const { clock } = one.context;
    clock.setTimer(1, () => one.notes.push('a timer'));
    clock.afterTurn(() => one.notes.push('a turn'));
    const left = a.leave();
    await until(b, () => one.notes.includes('leaving'));
    assert.equal(b.member('a')?.state, 'alive');
    release();
    await left;
    await until(b, () => events.length > 0);
    assert.deepEqual(events, ['a left']);
    clock.setTimer(0, () => one.notes.push('too late'));
    await a.shutdown();
    assert.equal(one.notes.at(-1), 'stopped');
    assert.ok(one.context.signal.aborted);
    await rejection(one.context.send('b', Buffer.of(1)), ShutdownError);
    await rejection(one.context.sendReliable('b', Buffer.of(1)), ShutdownError);
    assert.throws(() => one.context.broadcast(Buffer.of(1)), ShutdownError);
    clock.afterTurn(() => one.notes.push('too late'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(one.notes.at(-1), 'stopped');
  });

  void it('cannot hold up a leave for longer than its timeout', async () => {
    await using cluster = new Cluster();
    const one = new Probe();
    let reason: unknown;
    one.hooks = {
      leaving: (signal) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
        });
        return new Promise(() => undefined);
      },
    };
    const [a, b] = await pair(cluster, [[one], []]);
    await a.leave({ timeout: 20 }).catch(() => undefined);
    await until(b, () => b.member('a')?.state === 'left');
    assert.ok(reason instanceof Error);
  });

  void it('that throws is counted and logged, and stops neither the node nor the others', async () => {
    await using cluster = new Cluster();
    const registry = new Registry();
    const log = new Log();
    const [bad, good, two] = [new Probe('bad'), new Probe('good'), new Probe('good')];
    const fail = (): never => {
      throw new Error('no');
    };
    bad.hooks = {
      joined: fail,
      message: fail,
      stopped: fail,
      leaving: () => Promise.reject(new Error('no')),
    };
    const [a, b] = await pair(
      cluster,
      [
        [bad, good],
        [new Probe('bad'), two],
      ],
      {
        logger: log,
        metrics: { registry },
      },
    );
    bad.context.on('update', fail);
    bad.context.clock.setTimer(0, fail);
    const errors = async (): Promise<number> => {
      const metric = await registry.getSingleMetric('memberlist_extension_errors_total')?.get();
      const mine = metric?.values.find(
        ({ labels }) => labels.extension === 'bad' && labels.node === 'a',
      );
      return mine?.value ?? 0;
    };
    await b.setMeta({ role: 'web' });
    await until(a, () => a.member('b')?.meta.length !== 0);
    await until(a, () => two.context.peers().length === 1);
    await two.context.send('a', Buffer.from('well'));
    await until(a, () => good.messages.length === 1);
    let count = 0;
    while ((count = await errors()) < 3) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(count, 3, 'joined, the listener and the timer');
    assert.match(
      log.of('extension-threw')[0]?.message ?? '',
      /the extension bad threw in joined: no/,
    );
    await a.leave();
    await a.shutdown();
    assert.equal(good.notes.at(-1), 'stopped');
  });

  void it('whose attach throws keeps the node from starting, and leaves nothing open', async () => {
    await using cluster = new Cluster();
    const first = new Probe('first');
    const failing: Extension = {
      name: 'failing',
      attach: (context) => {
        context.clock.setTimer(1, () => first.notes.push('a timer'));
        throw new Error('no');
      },
    };
    await assert.rejects(cluster.node('a', { use: [first, failing] }), /no/);
    assert.deepEqual(first.notes, ['stopped']);
    await cluster.node('a');
  });

  void it('may have the one delegate of a node', async () => {
    await using cluster = new Cluster();
    const [one, two] = [new Probe('one'), new Probe('two')];
    one.hooks = { delegate: { nodeMeta: () => Buffer.from('of one') } };
    two.hooks = { delegate: {} };
    const a = await cluster.node('a', { use: [one] });
    assert.equal(a.localNode.meta.toString(), 'of one');
    assert.deepEqual({ ...a.localNode.extensions }, { one: 1 });
    await rejection(cluster.node('b', { use: [one, two] }), ConfigError);
    await rejection(cluster.node('c', { use: [one], delegate: {} }), ConfigError);
  });

  void it('has its own metrics and its name in its log lines', async () => {
    await using cluster = new Cluster();
    const registry = new Registry();
    const log = new Log();
    const one = new Probe('my-bus');
    const attach = one.attach.bind(one);
    const early: Extension = {
      name: 'my-bus',
      attach: (context) => {
        context.metrics.counter('early_total', 'Counted from the start').inc(2);
        return attach(context);
      },
    };
    const a = await cluster.node('a', { use: [early], metrics: { registry }, logger: log });
    one.context.metrics.gauge('depth', 'How deep', () => 7);
    one.context.log.warn('hello\n', { depth: 7 });
    const text = await registry.metrics();
    assert.match(text, /^memberlist_my_bus_early_total\{node="a"\} 2$/m);
    assert.match(text, /^memberlist_my_bus_depth\{node="a"\} 7$/m);
    assert.throws(() => one.context.metrics.gauge('depth', 'Again', () => 1), ConfigError);
    assert.throws(() => one.context.metrics.counter('No', 'Bad name'), ConfigError);
    const line = log.lines.find(({ fields }) => fields.extension === 'my-bus');
    assert.deepEqual([line?.level, line?.message, line?.fields.depth], ['warn', 'hello\\u000a', 7]);
    await a.shutdown();
    assert.equal(await registry.metrics(), '\n');
  });

  void it('sees a whole node while it is attached', async () => {
    await using cluster = new Cluster();
    let seen: unknown;
    const early: Extension = {
      name: 'early',
      attach: (context) => {
        seen = [context.self.name, context.members().length, context.peers().length];
        return undefined;
      },
    };
    await cluster.node('a', { ...fast, use: () => [early] });
    assert.deepEqual(seen, ['a', 0, 0]);
  });
});
