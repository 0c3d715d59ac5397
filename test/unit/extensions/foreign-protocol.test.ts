/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What an extension needs that speaks a foreign protocol, as Serf's does: the delegate, raw messages, versions, the joins
// and leaves of its node, and a place to report what is wrong.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Registry } from 'prom-client';
import {
  ConfigError,
  localConfig,
  Memberlist,
  MessageTooLargeError,
  ProtocolError,
  ShutdownError,
  type Extension,
  type ExtensionContext,
  type ExtensionHooks,
  type VersionRange,
} from '../../../src/index.js';
import { Cluster, Log, meet, rejection, until } from '../memberlist/cluster.js';

class Foreign implements Extension {
  readonly name = 'foreign';
  readonly notes: string[] = [];
  readonly received: string[] = [];
  meta = Buffer.from('of foreign');
  context!: ExtensionContext;
  readonly delegateProtocol?: VersionRange;

  constructor(delegateProtocol?: VersionRange) {
    if (delegateProtocol !== undefined) this.delegateProtocol = delegateProtocol;
  }

  attach(context: ExtensionContext): ExtensionHooks {
    this.context = context;
    context.updateMeta(() => this.notes.push('gossiped during attach'));
    return {
      delegate: {
        nodeMeta: () => this.meta,
        notifyMsg: (message, from) =>
          void this.received.push(`${from.name}: ${message.toString()}`),
      },
      joining: () => void this.notes.push('joining'),
      joinFailed: () => void this.notes.push('join failed'),
      joined: (startedBy) => void this.notes.push(`joined by ${startedBy}`),
      leaving: () => {
        this.notes.push('leaving');
        return undefined;
      },
      resumed: () => void this.notes.push('resumed'),
    };
  }
}

const versions = { min: 2, max: 5, current: 4 };

suite('the joins and leaves of a node', () => {
  test('are hooks of its extensions: those of both sides, and those that fail', async () => {
    await using cluster = new Cluster();
    const [one, two] = [new Foreign(), new Foreign()];
    const a = await cluster.node('a', { use: [one] });
    const b = await cluster.node('b', { use: [two] });
    await assert.rejects(b.join(['10.99.99.99:1']));
    assert.deepEqual(two.notes, ['joining', 'join failed']);
    await b.join([a.localNode.address]);
    assert.deepEqual(two.notes.slice(2), ['joining', 'joined by self']);
    await until(a, () => one.notes.length > 0);
    assert.deepEqual(one.notes, ['joined by peer']);
  });

  test('a join after a leave resumes', async () => {
    await using cluster = new Cluster();
    const two = new Foreign();
    const a = await cluster.node('a');
    const b = await cluster.node('b', { use: [two] });
    await meet([a, b]);
    two.notes.length = 0;
    await b.leave();
    await b.join([a.localNode.address]);
    assert.deepEqual(two.notes, ['leaving', 'resumed', 'joining', 'joined by self']);
  });
});

suite('raw messages', () => {
  test('reach any member, and only the extension with the delegate sends them', async () => {
    await using cluster = new Cluster();
    const [one, two] = [new Foreign(), new Foreign()];
    let plain: ExtensionContext | undefined;
    const other: Extension = {
      name: 'other',
      attach: (context) => void (plain = context),
    };
    const a = await cluster.node('a', { use: [one, other] });
    const b = await cluster.node('b', { use: [two] });
    await meet([a, b]);
    const to = { addr: b.localNode.address, name: 'b' };
    const { raw } = one.context;
    await raw.send(to, Buffer.from('packet'));
    await raw.sendReliable(to, Buffer.from('stream'));
    await until(b, () => two.received.length === 2);
    assert.deepEqual(two.received.map((text) => text.replace(/^\w+: /, '')).sort(), [
      'packet',
      'stream',
    ]);
    assert.equal(raw.packetBudget, a.maxBroadcastBytes);
    await rejection(raw.send(to, Buffer.alloc(100_000)), MessageTooLargeError);
    await rejection(raw.send(to, 'text' as never), ConfigError);
    await rejection(plain!.raw.send(to, Buffer.from('x')), ProtocolError);
    await rejection(plain!.raw.sendReliable(to, Buffer.from('x')), ProtocolError);
    await a.shutdown();
    await rejection(raw.send(to, Buffer.from('x')), ShutdownError);
  });
});

suite('the versions of a foreign protocol', () => {
  test('are announced, also beside a preset', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a', { ...localConfig(), use: [new Foreign(versions)] });
    assert.deepEqual(a.localNode.delegateProtocol, versions);
    assert.equal(a.config.delegateProtocolMax, 5);
  });

  test('are an error when they are set twice, or are none', async () => {
    await using cluster = new Cluster();
    const use = [new Foreign(versions)];
    const error = await rejection(cluster.node('a', { use, delegateProtocolMax: 4 }), ConfigError);
    assert.match(error.message, /delegateProtocolMax: must be left out.*'foreign' sets it/);
    const second: Extension = {
      name: 'second',
      delegateProtocol: versions,
      attach: () => undefined,
    };
    const two = await rejection(cluster.node('a', { use: [...use, second] }), ConfigError);
    assert.match(two.message, /one extension with a delegateProtocol/);
    for (const wrong of [
      { min: 3, max: 2, current: 2 },
      { min: 0, max: 256, current: 1 },
      { min: 1, max: 2 },
      null,
    ]) {
      const broken = [new Foreign(wrong as VersionRange)];
      if (wrong === null) Object.assign(broken[0]!, { delegateProtocol: null });
      const problem = await rejection(cluster.node('a', { use: broken }), ConfigError);
      assert.match(problem.message, /delegateProtocol of \{ min, max, current \}/);
    }
  });
});

suite('metadata of an extension', () => {
  test('is read again on request, and the extension is notified once it was gossiped', async () => {
    await using cluster = new Cluster();
    const one = new Foreign();
    const a = await cluster.node('a', { use: [one] });
    const b = await cluster.node('b');
    await meet([a, b]);
    assert.equal(b.member('a')?.meta.toString(), 'of foreign');
    let isGossiped = false;
    one.meta = Buffer.from('other');
    one.context.updateMeta(() => (isGossiped = true));
    await until([a, b], () => isGossiped && b.member('a')?.meta.toString() === 'other');
    one.meta = Buffer.alloc(513);
    assert.throws(() => one.context.updateMeta(), MessageTooLargeError);
    assert.ok(!one.notes.includes('gossiped during attach'), 'there it is read anyway');
  });

  test('is gossiped at once when there are no other members, and never after the shutdown', async () => {
    await using cluster = new Cluster();
    const one = new Foreign();
    const a = await cluster.node('a', { use: [one] });
    let count = 0;
    one.context.updateMeta(() => count++);
    await until(a, () => count === 1);
    await a.shutdown();
    one.context.updateMeta(() => count++);
    await new Promise(setImmediate);
    assert.equal(count, 1);
  });
});

suite('what else an extension can do with its node', () => {
  test('it has the ping delegate, unless the configuration or another extension has one', async () => {
    await using cluster = new Cluster();
    const rtts: number[] = [];
    const pinger = (name: string): Extension => ({
      name,
      attach: () => ({
        ping: {
          ackPayload: () => Buffer.from(name),
          notifyPingComplete: (_, rtt, payload) => {
            if (payload.toString() === 'pong') rtts.push(rtt);
          },
        },
      }),
    });
    const a = await cluster.node('a', { use: [pinger('asker')] });
    const b = await cluster.node('b', { use: [pinger('pong')] });
    await meet([a, b]);
    await until(a, () => rtts.length > 0);
    for (const config of [
      { use: [pinger('one'), pinger('two')] },
      { use: [pinger('one')], ping: {} },
    ]) {
      const error = await rejection(cluster.node('c', config), ConfigError);
      assert.match(error.message, /has a ping delegate/);
    }
  });

  test('it sees conflicts, forgets failed members, and shuts the node down without a leave', async () => {
    await using cluster = new Cluster();
    const one = new Foreign();
    const conflicts: string[] = [];
    const a = await cluster.node('a', { use: [one] });
    one.context.on('conflict', (existing, other) =>
      conflicts.push(`${existing.name} ${other.address}`),
    );
    const [b, c] = [await cluster.node('b'), await cluster.node('c')];
    await meet([a, b, c]);
    const second = await cluster.node('b', { transport: cluster.network.transport('second') });
    await second.join([a.localNode.address]);
    await until(a, () => conflicts.length > 0);
    assert.equal(conflicts[0], `b ${second.localNode.address}`);
    await second.shutdown();
    await c.shutdown();
    await until(a, () => a.member('c')?.state === 'dead');
    assert.deepEqual([one.context.forget('b'), one.context.forget('c')], [false, true]);
    assert.equal(a.member('c'), undefined);
    await one.context.shutdown();
    assert.equal(a.state, 'shutdown');
    await until(b, () => b.member('a')?.state === 'dead');
    assert.equal(one.context.forget('b'), false);
  });

  test('it reads the keys and the pace of gossip', async () => {
    await using cluster = new Cluster();
    const one = new Foreign();
    const a = await cluster.node('a', {
      use: [one],
      secretKey: Buffer.alloc(16),
      gossipInterval: 70,
    });
    assert.equal(one.context.keyring, a.keyring);
    assert.equal(one.context.keyFile, undefined);
    assert.deepEqual(one.context.gossip, { interval: 70, retransmitMult: 4 });
  });
});

test('malformed messages and exceptions of listeners are counted and logged', async () => {
  await using cluster = new Cluster();
  const log = new Log();
  const registry = new Registry();
  const one = new Foreign();
  const a = await cluster.node('a', { use: [one], logger: log, metrics: { registry } });
  assert.equal(one.context.numMembers, 1);
  one.context.drop('somewhere', 'it is cut short');
  one.context.reportError("a listener of 'event'", new Error('a bug'));
  const dropped = log.of('packet-dropped')[0];
  assert.ok(dropped);
  assert.equal(dropped.level, 'debug');
  assert.match(dropped.message, /foreign: it is cut short/);
  assert.match(
    log.of('extension-threw')[0]?.message ?? '',
    /foreign threw in a listener of 'event'/,
  );
  const text = await registry.metrics();
  assert.match(text, /memberlist_drops_total\{[^}]*reason="malformed"[^}]*\} 1/);
  assert.match(text, /memberlist_extension_errors_total\{[^}]*\} 1/);
  await a.shutdown();
  one.context.drop('somewhere', 'too late');
  one.context.reportError('too late', new Error('too late'));
  assert.equal(log.of('packet-dropped').length, 1);
});

test('a node that cannot start because of an extension writes no snapshot and stays silent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'memberlist-tests-'));
  try {
    const use: Extension[] = [
      {
        name: 'broken',
        attach: () => {
          throw new TypeError('not today');
        },
      },
    ];
    const config = { ...localConfig(), name: 'a', bindAddr: '127.0.0.1', bindPort: 0, use };
    const snapshot = { path: join(folder, 'snapshot.json') };
    const logger = new Log();
    await assert.rejects(Memberlist.create({ ...config, snapshot, logger }), /not today/);
    assert.deepEqual(logger.of('internal-error'), []);
    assert.deepEqual(await readdir(folder), []);
  } finally {
    await rm(folder, { recursive: true });
  }
});
