/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ConfigError,
  type Memberlist,
  MessageTooLargeError,
  NoPingResponseError,
  type Node,
  TimeoutError,
} from '../../../src/index.js';
import { Cluster, addressOf, fast, meet, mute, names, rejection, until } from './cluster.js';

// A node whose metadata the test sets.
async function withMeta(
  cluster: Cluster,
  name: string,
  base = fast,
): Promise<{ list: Memberlist; say: (meta: Uint8Array | string) => void }> {
  let meta: Uint8Array = Buffer.from('first');
  const list = await cluster.node(name, { delegate: { nodeMeta: () => meta } }, base);
  return { list, say: (next) => (meta = Buffer.from(next)) };
}

void describe('members, member, numMembers and localNode', () => {
  void it('agree with each other on every node', async () => {
    await using cluster = new Cluster();
    const lists = await cluster.joined(['a', 'b', 'c', 'd']);
    for (const list of lists) {
      assert.deepEqual(names(list), ['a', 'b', 'c', 'd']);
      assert.equal(list.numMembers, 4);
      for (const node of list.members()) {
        assert.equal(list.member(node.name), node);
        const own = lists.find(({ localNode }) => localNode.name === node.name);
        assert.deepEqual(own?.localNode, node);
      }
    }
    assert.equal(lists[0]!.member('e'), undefined);
  });

  void it('give frozen snapshots, which what happens later does not change', async () => {
    await using cluster = new Cluster();
    const { list: a, say } = await withMeta(cluster, 'a');
    const b = await cluster.node('b');
    await meet([a, b]);
    const before = b.member('a')!;
    const own = a.localNode;
    for (const node of [before, own]) {
      assert.ok(Object.isFrozen(node));
      assert.ok(Object.isFrozen(node.protocol));
      assert.ok(Object.isFrozen(node.delegateProtocol));
    }
    say('second');
    await a.updateNode();
    await until(b, () => b.member('a')!.incarnation > before.incarnation);
    assert.equal(before.meta.toString(), 'first');
    assert.equal(own.meta.toString(), 'first');
    assert.equal(b.member('a')?.meta.toString(), 'second');
    await a.leave();
    await until(b, () => b.numMembers === 1);
    assert.equal(before.state, 'alive');
  });

  void it('give a list of its own at each call', async () => {
    await using cluster = new Cluster();
    const [a] = await cluster.joined(['a', 'b']);
    a!.members().pop();
    assert.equal(a!.members().length, 2);
  });

  void it('count the suspected but not the dead', async () => {
    await using cluster = new Cluster();
    const [a, b, c] = await cluster.joined(['a', 'b', 'c']);
    const seen: [numMembers: number, state: Node['state']][] = [];
    const look = (node: Node): void => void seen.push([a!.numMembers, node.state]);
    a!.on('suspect', look);
    a!.on('leave', look);
    await c!.shutdown();
    await until([a!, b!], () => a!.member('c')?.state === 'dead');
    assert.deepEqual(seen, [
      [3, 'suspect'],
      [2, 'dead'],
    ]);
    assert.deepEqual(names(a!), ['a', 'b']);
  });
});

void describe('Memberlist.updateNode', () => {
  void it('lets everybody see the new metadata, with the metadata before it', async () => {
    await using cluster = new Cluster();
    const { list: a, say } = await withMeta(cluster, 'a');
    const others = [await cluster.node('b'), await cluster.node('c'), await cluster.node('d')];
    await meet([a, ...others]);
    const updates: [observer: string, name: string, before: string, after: string][] = [];
    for (const list of [a, ...others]) {
      list.on('update', ({ name, meta }, previous) => {
        updates.push([list.localNode.name, name, previous.toString(), meta.toString()]);
      });
    }
    const { incarnation } = a.localNode;
    say('second');
    await a.updateNode();
    assert.equal(a.localNode.meta.toString(), 'second');
    assert.ok(a.localNode.incarnation > incarnation);
    await until(others, () => updates.length === 3);
    assert.deepEqual(updates.sort(), [
      ['b', 'a', 'first', 'second'],
      ['c', 'a', 'first', 'second'],
      ['d', 'a', 'first', 'second'],
    ]);
  });

  void it('raises the incarnation but tells of no update when the metadata is the same', async () => {
    await using cluster = new Cluster();
    const { list: a } = await withMeta(cluster, 'a');
    const b = await cluster.node('b');
    await meet([a, b]);
    let updates = 0;
    b.on('update', () => updates++);
    await a.updateNode();
    await until(b, () => b.member('a')?.incarnation === a.localNode.incarnation);
    assert.equal(updates, 0);
  });

  void it('ends with the last of several that are under way', async () => {
    await using cluster = new Cluster();
    const { list: a, say } = await withMeta(cluster, 'a');
    const b = await cluster.node('b');
    await meet([a, b]);
    const updates = ['2', '3', '4'].map((meta) => {
      say(meta);
      return a.updateNode();
    });
    await Promise.all(updates);
    await until(b, () => b.member('a')?.meta.toString() === '4');
  });

  void it('resolves at once when it is alone', async () => {
    await using cluster = new Cluster();
    const { list: a, say } = await withMeta(cluster, 'a', mute);
    say('second');
    await a.updateNode({ timeout: 60_000 });
    assert.equal(a.localNode.meta.toString(), 'second');
  });

  void it('rejects metadata over 512 bytes and changes nothing', async () => {
    await using cluster = new Cluster();
    const { list: a, say } = await withMeta(cluster, 'a');
    const { localNode } = a;
    say(Buffer.alloc(513));
    const error = await rejection(a.updateNode(), MessageTooLargeError);
    assert.equal(error.limit, 512);
    assert.equal(error.size, 513);
    assert.equal(a.localNode, localNode);
    say(Buffer.alloc(512, 7));
    await a.updateNode();
    assert.equal(a.localNode.meta.length, 512);
  });

  void it('rejects with what nodeMeta throws', async () => {
    await using cluster = new Cluster();
    const broken = new Error('no metadata today');
    let throws = false;
    const nodeMeta = (): Buffer => {
      if (throws) throw broken;
      return Buffer.of(1);
    };
    const a = await cluster.node('a', { delegate: { nodeMeta } });
    throws = true;
    await assert.rejects(a.updateNode(), broken);
    assert.deepEqual(a.localNode.meta, Buffer.of(1));
  });

  void it('rejects at its timeout, and with the reason of its signal', async () => {
    await using cluster = new Cluster();
    const b = await cluster.node('b');
    const { list: a } = await withMeta(cluster, 'a', mute);
    await a.join([addressOf(b).addr]);
    const error = await rejection(a.updateNode({ timeout: 20 }), TimeoutError);
    assert.match(error.message, /updateNode/);
    const reason = new Error('enough');
    const controller = new AbortController();
    const updating = a.updateNode({ signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(updating, reason);
    const { incarnation } = a.localNode;
    await assert.rejects(a.updateNode({ signal: AbortSignal.abort(reason) }), reason);
    assert.equal(a.localNode.incarnation, incarnation);
  });
});

void describe('Memberlist.ping', () => {
  void it('gives the round trip in milliseconds', async () => {
    await using cluster = new Cluster({ latency: 5 });
    const [a, b] = await cluster.joined(['a', 'b'], { ...fast, probeTimeout: 5_000 });
    const startedAt = performance.now();
    const roundTripMs = await a!.ping('b', addressOf(b!).addr);
    assert.ok(roundTripMs >= 10, `${roundTripMs} ms`);
    assert.ok(roundTripMs <= performance.now() - startedAt);
  });

  void it('reaches those who are no members, and host names', async () => {
    await using cluster = new Cluster();
    const transport = cluster.network.transport('b', { addr: '127.0.0.1:99' });
    const [a, b] = [await cluster.node('a'), await cluster.node('b', { transport })];
    assert.ok((await a.ping('b', addressOf(b).addr)) >= 0);
    assert.ok((await a.ping('b', 'localhost:99')) >= 0);
  });

  void it('rejects when somebody else lives at the address, or nobody', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b'], { ...fast, probeTimeout: 20 });
    const error = await rejection(a!.ping('x', addressOf(b!).addr), NoPingResponseError);
    assert.equal(error.code, 'ERR_MEMBERLIST_NO_PING_RESPONSE');
    assert.equal(error.node, 'x');
    assert.match(error.message, /20 ms/);
    await rejection(a!.ping('b', '10.9.9.9:7946'), NoPingResponseError);
  });

  void it('rejects an address that is none', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    for (const address of ['', ':', 'a b:1', '10.0.0.1:0', '10.0.0.1:70000', '1:2:3']) {
      const error = await rejection(a.ping('b', address), ConfigError);
      assert.equal(error.problems[0]?.field, 'address');
    }
  });
});
