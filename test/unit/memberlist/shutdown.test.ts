/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Memberlist,
  type MemberlistConfig,
  ShutdownError,
  type Transport,
} from '../../../src/index.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { Cluster, addressOf, altered, meet, mute, rejection, until, withCode } from './cluster.js';

const shutDown = withCode('ERR_MEMBERLIST_SHUTDOWN');

// Everything that comes to the user, as text.
function listenToAll(list: Memberlist, into: string[]): void {
  list.on('join', ({ name }) => into.push(`join ${name}`));
  list.on('leave', ({ name }) => into.push(`leave ${name}`));
  list.on('update', ({ name }) => into.push(`update ${name}`));
  list.on('suspect', ({ name }) => into.push(`suspect ${name}`));
  list.on('refute', ({ name }) => into.push(`recover ${name}`));
  list.on('conflict', ({ name }) => into.push(`conflict ${name}`));
  list.on('message', (payload) => into.push(`message ${payload.toString()}`));
  list.on('health', (score) => into.push(`health ${score}`));
}

function delegatesInto(into: string[]): MemberlistConfig {
  const note =
    (what: string) =>
    (...args: unknown[]): never =>
      void into.push(`${what} ${String(args[0])}`) as never;
  return {
    delegate: { notifyMsg: note('notifyMsg'), mergeRemoteState: note('mergeRemoteState') },
    events: {
      notifyJoin: note('notifyJoin'),
      notifyLeave: note('notifyLeave'),
      notifyUpdate: note('notifyUpdate'),
    },
    conflict: { notifyConflict: note('notifyConflict') },
    merge: { notifyMerge: note('notifyMerge') },
    ping: { notifyPingComplete: note('notifyPingComplete') },
    alive: { notifyAlive: note('notifyAlive') },
  };
}

function compound(parts: readonly Buffer[]): Buffer {
  const lengths = Buffer.alloc(2 * parts.length);
  parts.forEach(({ length }, i) => lengths.writeUInt16BE(length, 2 * i));
  return Buffer.concat([Buffer.of(MessageType.compound, parts.length), lengths, ...parts]);
}

// Lets what is under way in the network arrive.
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

void describe('Memberlist.shutdown', () => {
  void it('can be called again, and gives the same promise', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const first = a.shutdown();
    assert.equal(a.shutdown(), first);
    await first;
    assert.equal(a.shutdown(), first);
  });

  void it('resolves only once the transport is closed', async () => {
    await using cluster = new Cluster();
    const inner = cluster.network.transport('a');
    let close: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (close = resolve));
    const shutdown: Transport['shutdown'] = () => closed.then(() => inner.shutdown());
    const a = await cluster.node('a', { transport: altered(inner, { shutdown }) });
    let done = false;
    const shuttingDown = a.shutdown().then(() => (done = true));
    await turns();
    assert.equal(done, false);
    close();
    await shuttingDown;
  });

  void it('frees the address for another', async () => {
    await using cluster = new Cluster();
    for (let i = 0; i < 3; i++) await (await cluster.node('a')).shutdown();
  });

  void it('makes everything else reject with a ShutdownError', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const to = b!.localNode;
    await a!.shutdown();
    const one = Buffer.of(1);
    await assert.rejects(a!.join([to.address]), shutDown);
    await assert.rejects(a!.leave(), shutDown);
    await assert.rejects(a!.updateNode(), shutDown);
    await assert.rejects(a!.ping(to.name, to.address), shutDown);
    await assert.rejects(a!.sendBestEffort(to, one), shutDown);
    await assert.rejects(a!.sendReliable(to, one), shutDown);
    await assert.rejects(a!.sendToAddress({ addr: to.address }, one), shutDown);
    assert.deepEqual(await a!.events().next(), { value: undefined, done: true });
  });

  void it('leaves what was known to be read', async () => {
    await using cluster = new Cluster();
    const [a] = await cluster.joined(['a', 'b']);
    await a!.shutdown();
    assert.equal(a!.numMembers, 2);
    assert.equal(a!.localNode.name, 'a');
    assert.equal(a!.member('b')?.state, 'alive');
    assert.equal(a!.config.name, 'a');
    assert.equal(a!.healthScore, 0);
  });

  const pending: [what: string, begin: (a: Memberlist, b: Memberlist) => Promise<unknown>][] = [
    ['ping', (a) => a.ping('x', '10.9.9.9:7946')],
    ['leave', (a) => a.leave()],
    ['updateNode', (a) => a.updateNode()],
    ['join', (a, b) => a.join([b.localNode.address])],
    ['join that looks a name up', (a) => a.join(['localhost:1'])],
    ['sendReliable', (a, b) => a.sendReliable(b.localNode, Buffer.of(1))],
  ];
  for (const [what, begin] of pending) {
    void it(`makes a ${what} that is under way reject with a ShutdownError`, async () => {
      await using cluster = new Cluster();
      const b = await cluster.node('b');
      const a = await cluster.node('a', { probeTimeout: 60_000, tcpTimeout: 60_000 }, mute);
      await a.join([addressOf(b).addr]);
      cluster.network.cut('a', 'b');
      const settled = rejection(begin(a, b), ShutdownError);
      await a.shutdown();
      assert.equal((await settled).code, 'ERR_MEMBERLIST_SHUTDOWN');
    });
  }

  void it('delivers nothing afterwards, whatever is under way', async () => {
    await using cluster = new Cluster({ latency: { min: 0, max: 5 } });
    const told: string[] = [];
    const a = await cluster.node('a', delegatesInto(told));
    const others = await cluster.joined(['b', 'c', 'd']);
    await meet([a, ...others]);
    listenToAll(a, told);
    const to = a.localNode;
    const chatter = Array.from({ length: 20 }, (_, i) => {
      const from = others[i % 3]!;
      return Promise.all([
        from.sendBestEffort(to, Buffer.from(`m${i}`)),
        from.sendReliable(to, Buffer.from(`r${i}`)).catch(() => undefined),
      ]);
    });
    await until(a, () => told.some((line) => line.startsWith('message')));
    const closing = a.shutdown();
    told.length = 0;
    await Promise.all(others.slice(1).map((list) => list.leave()));
    await Promise.all([closing, ...chatter]);
    await turns();
    assert.deepEqual(told, []);
  });

  void it('delivers nothing more of a merge when a listener calls it', async () => {
    await using cluster = new Cluster();
    const lists = await cluster.joined(['b', 'c', 'd'], {
      delegate: { localState: () => Buffer.from('state') },
    });
    const told: string[] = [];
    const a = await cluster.node('a', delegatesInto(told));
    listenToAll(a, told);
    a.on('join', () => void a.shutdown());
    await a.join([addressOf(lists[0]!).addr]);
    await turns();
    assert.equal(told.filter((line) => line.startsWith('join')).length, 1);
    assert.equal(told.filter((line) => line.startsWith('notifyJoin')).length, 1);
    assert.deepEqual(
      told.filter((line) => line.startsWith('mergeRemoteState')),
      [],
    );
    assert.equal(a.numMembers, 2);
  });

  void it('emits nothing of an event whose delegate calls it', async () => {
    await using cluster = new Cluster();
    const b = await cluster.node('b');
    const told: string[] = [];
    const a: Memberlist = await cluster.node('a', {
      events: { notifyJoin: () => void a.shutdown() },
    });
    listenToAll(a, told);
    await b.join([addressOf(a).addr]);
    await turns();
    assert.deepEqual(told, []);
  });

  void it('delivers nothing more of a packet when the ping delegate calls it', async () => {
    await using cluster = new Cluster();
    const told: string[] = [];
    const stranger = cluster.network.transport('stranger');
    await stranger.start({ packet: () => undefined, stream: () => undefined });
    let isDown = false;
    const a: Memberlist = await cluster.node('a', {
      ...delegatesInto(told),
      ping: {
        ackPayload: () => {
          isDown = true;
          void a.shutdown();
          return Buffer.of(1);
        },
      },
    });
    listenToAll(a, told);
    const source = { sourceAddr: Buffer.of(10, 0, 0, 9), sourcePort: 7946, sourceNode: 'x' };
    const { alive: type } = MessageType;
    const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
    const addr = Buffer.of(10, 0, 0, 9);
    const packet = compound([
      encodeMessage({ type: MessageType.ping, seqNo: 1, node: 'a', ...source }),
      encodeMessage({ type, node: 'x', incarnation: 1, addr, port: 7946, meta: null, vsn }),
      Buffer.from([MessageType.user, 104, 105]),
    ]);
    await stranger.writeTo(packet, addressOf(a));
    await until(a, () => isDown);
    await turns();
    await stranger.shutdown();
    assert.deepEqual(told, []);
  });
});
