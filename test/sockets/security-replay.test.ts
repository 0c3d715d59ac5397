/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What somebody without the key can do by sending again, bit for bit, what he heard: the protocol has
// nothing against it but incarnations and sequence numbers. docs/SECURITY.md says the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keyring, type Memberlist, type MemberlistConfig } from '../../src/index.js';
import { until } from '../unit/memberlist/cluster.js';
import { eventually, Station, streamTo } from './security-cluster.js';
import { Sender } from './security-forger.js';

const host = '127.0.5.1';

/** Three nodes, of which the third leaves; the first is sent again what was sent to it or others. */
class Stage implements AsyncDisposable {
  readonly target = new Station('target', host);
  readonly peer = new Station('peer', '127.0.5.2');
  readonly passer = new Station('passer', '127.0.5.3');
  readonly packets: Buffer[] = [];
  readonly requests: Buffer[] = [];
  readonly sender = new Sender();

  static async start(config: MemberlistConfig): Promise<Stage> {
    const stage = new Stage();
    try {
      await stage.sender.open(host);
      await stage.gather({ secretKey: key, ...config });
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts all, or starts them again, and lets them meet. */
  async gather(config: MemberlistConfig): Promise<void> {
    await Promise.all(this.stations.map((station) => station.stop()));
    for (const station of this.stations) {
      await station.start(config);
      if (station !== this.target) await station.list.join([this.target.list.localNode.address]);
    }
    await this.allAlive();
    for (const { events } of this.stations) events.length = 0;
  }

  async allAlive(): Promise<void> {
    const isAlive = ({ state }: { state: string }): boolean => state === 'alive';
    const seesAll = (list: Memberlist): boolean =>
      list.numMembers === 3 && list.members().every(isAlive);
    await until(this.lists, () => this.lists.every(seesAll));
  }

  get stations(): Station[] {
    return [this.target, this.peer, this.passer];
  }

  get lists(): Memberlist[] {
    return this.stations.map(({ list }) => list);
  }

  /** Keeps what was sent until now: all packets, and all requests on streams. */
  listen(): void {
    for (const { capture } of this.stations) {
      this.packets.push(...capture.packets.map(({ bytes }) => bytes));
      const requests = capture.streams.filter(({ dialled }) => dialled);
      this.requests.push(...requests.map(({ chunks }) => Buffer.concat(chunks)));
      capture.forget();
    }
  }

  /** Sends the target all packets that were ever heard, a few at a time. */
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
    await Promise.all(this.stations.map((station) => station.stop()));
  }
}

const key = Keyring.generate();

test('replayed claims, pings and acks change nothing; replayed messages and states come again', async () => {
  await using stage = await Stage.start({ probeInterval: 500, probeTimeout: 400 });
  const { target, peer, passer, lists } = stage;
  await peer.list.updateNode();
  await peer.list.sendBestEffort(target.list.localNode, Buffer.from('by packet'));
  await peer.list.sendReliable(target.list.localNode, Buffer.from('by stream'));
  await until(lists, () => target.heard.has('by packet') && target.heard.has('by stream'));
  await peer.list.ping('target', target.list.localNode.address);
  await passer.list.leave();
  await until(lists, () => target.list.member('passer')?.state === 'left');
  await passer.list.join([target.list.localNode.address]);
  await stage.allAlive();
  await eventually(() => Promise.resolve(target.pinged.size === 2));
  stage.listen();

  const view = lists.map((_list, i) => stage.stations[i]!.view());
  for (const station of stage.stations) station.events.length = 0;
  target.heard.clear();
  target.merged.clear();
  const takenBefore = target.taken;
  const acksBefore = await target.drops('unexpected-ack');
  await stage.replayPackets();
  assert.deepEqual([...target.heard], ['by packet']);
  await stage.replayStreams();
  await until(lists, () => target.heard.has('by stream') && target.merged.has('passer'));
  assert.ok(target.taken > takenBefore + 3);
  assert.ok((await target.drops('unexpected-ack')) > acksBefore);
  assert.deepEqual(
    stage.stations.map((station) => station.view()),
    view,
  );
  for (const { events, name } of stage.stations) assert.deepEqual(events, [], name);
  assert.deepEqual(stage.sender.answers, [], 'acks go to who asked first, not to who asks again');
});

test('a member that is forgotten is believed alive again until probes find that it is not', async () => {
  const config = { gossipToTheDeadTime: 100, probeInterval: 100, probeTimeout: 60 };
  await using stage = await Stage.start({ ...config, pushPullInterval: 0, settleAfterJoin: false });
  const { target, passer, peer } = stage;
  await passer.list.updateNode();
  stage.listen();
  await passer.list.leave();
  await passer.stop();
  for (const { list } of [target, peer]) {
    await until(list, () => list.member('passer') === undefined);
  }
  target.events.length = 0;
  await stage.replayPackets();
  await until(target.list, () => target.events.includes('failed passer'));
  assert.ok(target.events.includes('join passer'));
  assert.ok(!target.events.includes('join peer'));
});

test('a cluster that starts anew believes claims of its earlier life until they are refuted', async () => {
  await using stage = await Stage.start({});
  const { target, peer } = stage;
  for (let life = 0; life < 3; life++) await peer.list.updateNode();
  const { incarnation } = peer.list.localNode;
  stage.listen();
  // With another key they are nothing to it.
  await stage.gather({ secretKey: Keyring.generate() });
  const view = target.view();
  await stage.replayPackets();
  assert.deepEqual(target.view(), view);
  // With the same key they are newer than what it knows; the one they are about sets that right.
  await stage.gather({ secretKey: key });
  assert.ok(peer.list.localNode.incarnation < incarnation);
  await stage.replayPackets();
  await until(stage.lists, () => (target.list.member('peer')?.incarnation ?? 0) >= incarnation);
  await stage.allAlive();
});
