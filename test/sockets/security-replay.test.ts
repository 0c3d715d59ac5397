/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The effect of an attacker without the key that replays captured traffic unchanged: the protocol's only
// protection is incarnations and sequence numbers. docs/SECURITY.md describes the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keyring, type Memberlist, type MemberlistConfig } from '../../src/index.js';
import { until } from '../unit/memberlist/cluster.js';
import { eventually, TestNode, streamTo } from './security-cluster.js';
import { Sender } from './security-forger.js';

const host = '127.0.5.1';

/** Three nodes, of which the third leaves. The first receives replays of traffic to it or to others. */
class ReplayCluster implements AsyncDisposable {
  readonly target = new TestNode('target', host);
  readonly peer = new TestNode('peer', '127.0.5.2');
  readonly leaver = new TestNode('leaver', '127.0.5.3');
  readonly packets: Buffer[] = [];
  readonly requests: Buffer[] = [];
  readonly sender = new Sender();

  static async start(config: MemberlistConfig): Promise<ReplayCluster> {
    const cluster = new ReplayCluster();
    try {
      await cluster.sender.open(host);
      await cluster.startAll({ secretKey: key, ...config });
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts or restarts all nodes, and joins them. */
  async startAll(config: MemberlistConfig): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    for (const node of this.nodes) {
      await node.start(config);
      if (node !== this.target) await node.list.join([this.target.list.localNode.address]);
    }
    await this.allAlive();
    for (const { events } of this.nodes) events.length = 0;
  }

  async allAlive(): Promise<void> {
    const isAlive = ({ state }: { state: string }): boolean => state === 'alive';
    const seesAll = (list: Memberlist): boolean =>
      list.numMembers === 3 && list.members().every(isAlive);
    await until(this.lists, () => this.lists.every(seesAll));
  }

  get nodes(): TestNode[] {
    return [this.target, this.peer, this.leaver];
  }

  get lists(): Memberlist[] {
    return this.nodes.map(({ list }) => list);
  }

  /** Records all packets so far, and all requests on streams. */
  record(): void {
    for (const { capture } of this.nodes) {
      this.packets.push(...capture.packets.map(({ bytes }) => bytes));
      const requests = capture.streams.filter(({ outbound }) => outbound);
      this.requests.push(...requests.map(({ chunks }) => Buffer.concat(chunks)));
      capture.clear();
    }
  }

  /** Replays all recorded packets to the target, one at a time. */
  async replayPackets(): Promise<void> {
    const { arrived } = this.target.capture;
    const count = (): number => [...arrived.values()].reduce((sum, each) => sum + each, 0);
    for (const packet of this.packets) {
      const before = count();
      this.sender.send(packet, this.target.list.localNode);
      await eventually(() => Promise.resolve(count() > before));
    }
  }

  async replayStreams(): Promise<void> {
    const to = { host, port: this.target.list.localNode.port };
    for (const request of this.requests) await streamTo(to, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sender.close();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

const key = Keyring.generate();

test('replayed claims, pings and acks change nothing; replayed messages and states are delivered again', async () => {
  await using cluster = await ReplayCluster.start({ probeInterval: 500, probeTimeout: 400 });
  const { target, peer, leaver, lists } = cluster;
  await peer.list.updateNode();
  await peer.list.sendBestEffort(target.list.localNode, Buffer.from('by packet'));
  await peer.list.sendReliable(target.list.localNode, Buffer.from('by stream'));
  await until(lists, () => target.received.has('by packet') && target.received.has('by stream'));
  await peer.list.ping('target', target.list.localNode.address);
  await leaver.list.leave();
  await until(lists, () => target.list.member('leaver')?.state === 'left');
  await leaver.list.join([target.list.localNode.address]);
  await cluster.allAlive();
  await eventually(() => Promise.resolve(target.pinged.size === 2));
  cluster.record();

  const view = lists.map((_list, i) => cluster.nodes[i]!.view());
  for (const node of cluster.nodes) node.events.length = 0;
  target.received.clear();
  target.merged.clear();
  const receivedBefore = target.receivedCount;
  const acksBefore = await target.drops('unexpected-ack');
  await cluster.replayPackets();
  assert.deepEqual([...target.received], ['by packet']);
  await cluster.replayStreams();
  await until(lists, () => target.received.has('by stream') && target.merged.has('leaver'));
  assert.ok(target.receivedCount > receivedBefore + 3);
  assert.ok((await target.drops('unexpected-ack')) > acksBefore);
  assert.deepEqual(
    cluster.nodes.map((node) => node.view()),
    view,
  );
  for (const { events, name } of cluster.nodes) assert.deepEqual(events, [], name);
  assert.deepEqual(
    cluster.sender.answers,
    [],
    'acks go to the address in the ping, not to the sender of the replay',
  );
});

test('a reaped member is listed as alive again until probes fail', async () => {
  const config = { gossipToTheDeadTime: 100, probeInterval: 100, probeTimeout: 60 };
  await using cluster = await ReplayCluster.start({
    ...config,
    pushPullInterval: 0,
    settleAfterJoin: false,
  });
  const { target, leaver, peer } = cluster;
  await leaver.list.updateNode();
  cluster.record();
  await leaver.list.leave();
  await leaver.stop();
  for (const { list } of [target, peer]) {
    await until(list, () => list.member('leaver') === undefined);
  }
  target.events.length = 0;
  await cluster.replayPackets();
  await until(target.list, () => target.events.includes('failed leaver'));
  assert.ok(target.events.includes('join leaver'));
  assert.ok(!target.events.includes('join peer'));
});

test('a restarted cluster accepts claims from before the restart until they are refuted', async () => {
  await using cluster = await ReplayCluster.start({});
  const { target, peer } = cluster;
  for (let life = 0; life < 3; life++) await peer.list.updateNode();
  const { incarnation } = peer.list.localNode;
  cluster.record();
  // With another key the cluster cannot open them.
  await cluster.startAll({ secretKey: Keyring.generate() });
  const view = target.view();
  await cluster.replayPackets();
  assert.deepEqual(target.view(), view);
  // With the same key their incarnation is newer than the known one; the member in question refutes.
  await cluster.startAll({ secretKey: key });
  assert.ok(peer.list.localNode.incarnation < incarnation);
  await cluster.replayPackets();
  await until(cluster.lists, () => (target.list.member('peer')?.incarnation ?? 0) >= incarnation);
  await cluster.allAlive();
});
