/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type LeaveReason, ShutdownError, TimeoutError } from '../../../src/index.js';
import { Cluster, Log, addressOf, meet, mute, names, rejection, until } from './cluster.js';

void describe('Memberlist.leave', () => {
  void it('makes the others report that it left, not that it failed', async () => {
    await using cluster = new Cluster();
    const [a, b, c] = await cluster.joined(['a', 'b', 'c']);
    const reasons = new Map<string, LeaveReason>();
    for (const list of [a!, b!]) {
      list.on('leave', (node, reason) => {
        assert.equal(node.name, 'c');
        assert.equal(node.state, 'left');
        reasons.set(list.localNode.name, reason);
      });
    }
    await c!.leave();
    await until([a!, b!], () => reasons.size === 2);
    assert.deepEqual([...reasons.values()], ['left', 'left']);
    assert.deepEqual(names(a!), ['a', 'b']);
    assert.equal(a!.member('c')?.state, 'left');
    assert.equal(c!.localNode.state, 'left');
  });

  void it('leaves the node answering until it is shut down', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    await b!.leave();
    await until(a!, () => a!.numMembers === 1);
    assert.ok((await a!.ping('b', b!.localNode.address)) >= 0);
    const received: string[] = [];
    b!.on('message', (payload) => received.push(payload.toString()));
    await a!.sendReliable(b!.localNode, Buffer.from('still there?'));
    await until(b!, () => received.length === 1);
  });

  void it('is reported as left even if the node stops right after', async () => {
    await using cluster = new Cluster();
    const [a, b, c] = await cluster.joined(['a', 'b', 'c']);
    const reasons: string[] = [];
    for (const list of [a!, b!]) list.on('leave', (_node, reason) => reasons.push(reason));
    await c!.leave();
    await c!.shutdown();
    await until([a!, b!], () => reasons.length === 2);
    assert.deepEqual(reasons, ['left', 'left']);
  });

  void it('tells nothing to its own listeners about itself', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const own: string[] = [];
    b!.on('leave', (node) => own.push(node.name));
    await b!.leave();
    await until(a!, () => a!.numMembers === 1);
    assert.deepEqual(own, []);
  });

  void it('gives the same promise when it is called again, also once it was settled', async () => {
    await using cluster = new Cluster();
    const [, b] = await cluster.joined(['a', 'b']);
    const first = b!.leave();
    assert.equal(b!.leave(), first);
    await first;
    assert.equal(b!.leave({ timeout: 1 }), first);
  });

  void it('resolves at once when it is alone', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a', {}, mute);
    await a.leave({ timeout: 60_000 });
    assert.deepEqual(names(a), []);
  });

  void it('rejects with a TimeoutError when it could not be gossiped in time', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b', {}, mute);
    await b.join([addressOf(a).addr]);
    const error = await rejection(b.leave({ timeout: 20 }), TimeoutError);
    assert.equal(error.code, 'ERR_MEMBERLIST_TIMEOUT');
    assert.match(error.message, /leave/);
  });

  void it('rejects with the reason of its signal', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const b = await cluster.node('b', {}, mute);
    await b.join([addressOf(a).addr]);
    const controller = new AbortController();
    const leaving = b.leave({ signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(leaving, reason);
  });

  void it('rejects after shutdown, even if it had left before', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    await a!.leave();
    await Promise.all([a!.shutdown(), b!.shutdown()]);
    await rejection(a!.leave(), ShutdownError);
    await rejection(b!.leave(), ShutdownError);
  });

  void it('resolves when the last who could hear of it has left as well', async () => {
    await using cluster = new Cluster();
    // Nobody is probed: on a machine that is slow enough a would find b dead first, and tell it nothing.
    const a = await cluster.node('a', { probeInterval: 0 });
    const b = await cluster.node('b', { probeInterval: 0 }, mute);
    await b.join([addressOf(a).addr]);
    await until(a, () => a.numMembers === 2);
    const leaving = b.leave({ timeout: 60_000 });
    await Promise.all([leaving, a.leave({ timeout: 60_000 })]);
    assert.equal(b.member('a')?.state, 'left');
  });

  void it('lets a whole cluster leave at once', async () => {
    await using cluster = new Cluster();
    const lists = await cluster.joined(['a', 'b', 'c', 'd', 'e', 'f']);
    await Promise.all(lists.map((list) => list.leave({ timeout: 5_000 })));
  });

  void it('refuses an update after it has left', async () => {
    await using cluster = new Cluster();
    const [a] = await cluster.joined(['a', 'b']);
    await a!.leave();
    const error = await rejection(a!.updateNode(), ShutdownError);
    assert.match(error.message, /left/);
  });

  void it('can be undone by a join, under a higher incarnation', async () => {
    await using cluster = new Cluster();
    const lists = await cluster.joined(['a', 'b', 'c']);
    const [a, b, c] = lists;
    const { incarnation } = c!.localNode;
    await c!.leave();
    await until(lists, () => a!.numMembers === 2 && b!.numMembers === 2);
    const rejoined = new Set<string>();
    for (const list of [a!, b!]) {
      list.on('join', ({ name }) => rejoined.add(`${list.localNode.name} ${name}`));
    }
    await c!.join([addressOf(a!).addr]);
    await until(lists, () => lists.every(({ numMembers }) => numMembers === 3));
    await until(lists, () => rejoined.size === 2);
    assert.deepEqual([...rejoined].sort(), ['a c', 'b c']);
    assert.ok(c!.localNode.incarnation > incarnation);
    assert.equal(a!.member('c')?.incarnation, c!.localNode.incarnation);
    assert.equal(c!.localNode.state, 'alive');
    // And it can leave once more.
    await c!.leave();
    await until(lists, () => a!.numMembers === 2 && b!.numMembers === 2);
  });

  void it('asks for the metadata anew when a join undoes it', async () => {
    await using cluster = new Cluster();
    let version = 1;
    const a = await cluster.node('a');
    const b = await cluster.node('b', {
      delegate: { nodeMeta: () => Buffer.from(`v${version}`) },
    });
    await meet([a, b]);
    await b.leave();
    await until(a, () => a.numMembers === 1);
    version = 2;
    await b.join([addressOf(a).addr]);
    await until(a, () => a.member('b')?.state === 'alive');
    assert.equal(a.member('b')?.meta.toString(), 'v2');
  });
});

void describe('await using', () => {
  void it('leaves, then shuts down', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const reasons: LeaveReason[] = [];
    a!.on('leave', (_node, reason) => reasons.push(reason));
    {
      await using disposed = b!;
      assert.equal(disposed.numMembers, 2);
    }
    await until(a!, () => reasons.length > 0);
    assert.deepEqual(reasons, ['left']);
    await rejection(b!.join([]), ShutdownError);
  });

  void it('shuts down and does not throw when the leave fails, which is logged', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const a = await cluster.node('a');
    const b = await cluster.node('b', { logger: log }, mute);
    await b.join([addressOf(a).addr]);
    await rejection(b.leave({ timeout: 5 }), TimeoutError);
    await b[Symbol.asyncDispose]();
    await rejection(b.join([]), ShutdownError);
    assert.equal(log.of('leave-unfinished')[0]?.level, 'warn');
  });

  void it('does nothing after shutdown', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    await a.shutdown();
    await a[Symbol.asyncDispose]();
    await a[Symbol.asyncDispose]();
  });
});
