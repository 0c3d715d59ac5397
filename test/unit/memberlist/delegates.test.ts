/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ConfigError,
  JoinError,
  type Memberlist,
  type MergeDelegate,
  type Node,
  ProtocolError,
} from '../../../src/index.js';
import { Cluster, Log, addressOf, fast, meet, mute, names, rejection, until } from './cluster.js';

void describe('localState and mergeRemoteState', () => {
  void it('exchange the state of both sides in a join, and say that it is one', async () => {
    await using cluster = new Cluster();
    const calls: string[] = [];
    const node = (name: string): Promise<Memberlist> =>
      cluster.node(
        name,
        {
          delegate: {
            localState: (join) => {
              calls.push(`${name} local ${join}`);
              return Buffer.from(`state of ${name}`);
            },
            mergeRemoteState: (state, join) => {
              calls.push(`${name} merges ${state.toString()} ${join}`);
            },
          },
        },
        mute,
      );
    const [a, b] = [await node('a'), await node('b')];
    await b.join([addressOf(a).addr]);
    await until([a, b], () => calls.length === 4);
    assert.deepEqual(calls.sort(), [
      'a local true',
      'a merges state of b true',
      'b local true',
      'b merges state of a true',
    ]);
  });

  void it('go on at the regular interval, and say that it is no join', async () => {
    await using cluster = new Cluster();
    const merged: [state: string, join: boolean][] = [];
    const a = await cluster.node('a', { delegate: { localState: () => Buffer.from('A') } }, mute);
    const mergeRemoteState = (state: Buffer, join: boolean): void =>
      void merged.push([state.toString(), join]);
    const b = await cluster.node(
      'b',
      { delegate: { mergeRemoteState }, pushPullInterval: 20 },
      mute,
    );
    await b.join([addressOf(a).addr]);
    await until(b, () => merged.length >= 3);
    assert.deepEqual(merged[0], ['A', true]);
    assert.deepEqual(merged[1], ['A', false]);
  });

  void it('carry a large state, after the members were merged', async () => {
    await using cluster = new Cluster();
    const state = Buffer.alloc(3_000_000, 'state');
    const a = await cluster.node('a', { delegate: { localState: () => state } });
    let merged: [same: boolean, numMembers: number] | undefined;
    const b: Memberlist = await cluster.node('b', {
      delegate: {
        mergeRemoteState: (got) => {
          merged = [got.equals(state), b.numMembers];
        },
      },
    });
    await b.join([addressOf(a).addr]);
    assert.deepEqual(merged, [true, 2]);
  });

  void it('leave a state out that is over 20 MiB, and log that', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const localState = (): Buffer => Buffer.alloc(20 * 2 ** 20 + 1);
    const a = await cluster.node('a', { delegate: { localState }, logger: log });
    let merged = 0;
    const b = await cluster.node('b', { delegate: { mergeRemoteState: () => merged++ } });
    await b.join([addressOf(a).addr]);
    assert.equal(merged, 0);
    assert.equal(log.of('callback-threw')[0]?.fields.callback, 'localState');
  });
});

void describe('EventDelegate', () => {
  void it('hears the same as the listeners of join, leave and update', async () => {
    await using cluster = new Cluster();
    const told: string[] = [];
    const heard: string[] = [];
    const a = await cluster.node('a', {
      events: {
        notifyJoin: ({ name }) => told.push(`join ${name}`),
        notifyLeave: ({ name, state }, reason) => told.push(`leave ${name} ${state} ${reason}`),
        notifyUpdate: ({ name, meta }) => told.push(`update ${name} ${meta.toString()}`),
      },
    });
    a.on('join', ({ name }) => heard.push(`join ${name}`));
    a.on('leave', ({ name, state }, reason) => heard.push(`leave ${name} ${state} ${reason}`));
    a.on('update', ({ name, meta }) => heard.push(`update ${name} ${meta.toString()}`));
    let meta = 'one';
    const b = await cluster.node('b', { delegate: { nodeMeta: () => Buffer.from(meta) } });
    const c = await cluster.node('c');
    await b.join([addressOf(a).addr]);
    await until(a, () => a.numMembers === 2);
    meta = 'two';
    await b.updateNode();
    await until(a, () => heard.length === 2);
    await c.join([addressOf(a).addr]);
    await until(a, () => a.numMembers === 3);
    await b.leave();
    await until(a, () => a.numMembers === 2);
    await c.shutdown();
    await until(a, () => a.numMembers === 1);
    assert.deepEqual(heard, [
      'join b',
      'update b two',
      'join c',
      'leave b left left',
      'leave c dead failed',
    ]);
    assert.deepEqual(told, heard);
  });
});

void describe('ConflictDelegate', () => {
  void it('hears of a second node with a name that is taken, and nothing changes', async () => {
    await using cluster = new Cluster();
    const told: [existing: Node, other: Node][] = [];
    const heard: [existing: Node, other: Node][] = [];
    const log = new Log();
    const a = await cluster.node('a', {
      conflict: { notifyConflict: (existing, other) => told.push([existing, other]) },
      logger: log,
    });
    a.on('conflict', (existing, other) => heard.push([existing, other]));
    const b = await cluster.node('b');
    await meet([a, b]);
    const transport = cluster.network.transport('other b');
    const imposter = await cluster.node('b', { transport });
    await imposter.join([addressOf(a).addr]);
    await until(a, () => heard.length > 0);
    const [existing, other] = heard[0]!;
    assert.deepEqual(existing, b.localNode);
    assert.equal(other.name, 'b');
    assert.equal(other.address, imposter.localNode.address);
    assert.deepEqual(told, heard);
    assert.equal(a.member('b')?.address, b.localNode.address);
    assert.equal(a.numMembers, 2);
    assert.equal(log.of('address-conflict')[0]?.level, 'warn');
  });

  void it('hears of a node that has our own name', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const imposter = await cluster.node('a', { transport: cluster.network.transport('x') });
    const heard: Node[] = [];
    a.on('conflict', (existing) => heard.push(existing));
    await imposter.join([addressOf(a).addr]);
    await until(a, () => heard.length > 0);
    assert.deepEqual(heard[0], a.localNode);
    assert.equal(a.localNode.state, 'alive');
  });
});

void describe('MergeDelegate', () => {
  const refusing = (text: string): MergeDelegate => ({
    notifyMerge: () => {
      throw new Error(text);
    },
  });

  void it('sees the members of the other side, on both sides of a join', async () => {
    await using cluster = new Cluster();
    const peers = new Map<string, string[]>();
    const merge = (own: string): MergeDelegate => ({
      notifyMerge: (nodes) => peers.set(own, nodes.map(({ name }) => name).sort()),
    });
    const [a, b] = await cluster.joined(['a', 'b']);
    const c = await cluster.node('c', { merge: merge('c') });
    await c.join([addressOf(a!).addr]);
    assert.deepEqual(peers.get('c'), ['a', 'b']);
    const d = await cluster.node('d');
    await d.join([addressOf(c).addr]);
    assert.deepEqual(peers.get('c'), ['d']);
    await until(b!, () => b!.numMembers === 4);
  });

  void it('makes the join fail with its text when the other side refuses', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const a = await cluster.node('a', { merge: refusing('not on my watch'), logger: log });
    const b = await cluster.node('b');
    const error = await rejection(b.join([addressOf(a).addr]), JoinError);
    assert.ok(error.failures[0]?.error instanceof ProtocolError);
    assert.match(error.failures[0].error.message, /merge refused: not on my watch/);
    assert.match(error.message, /not on my watch/);
    assert.deepEqual(names(a), ['a']);
    assert.deepEqual(names(b), ['b']);
    assert.match(log.of('stream-dropped')[0]?.message ?? '', /not on my watch/);
    assert.equal(log.of('stream-dropped')[0]?.fields.reason, 'refused-merge');
  });

  void it('makes the join fail with its text when the joining side refuses', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a', {}, mute);
    const b = await cluster.node('b', { merge: refusing('not with those') }, mute);
    const error = await rejection(b.join([addressOf(a).addr]), JoinError);
    assert.ok(error.failures[0]?.error instanceof ProtocolError);
    assert.match(error.failures[0].error.message, /merge refused: not with those/);
    assert.equal((error.failures[0].error.cause as Error).message, 'not with those');
    assert.deepEqual(names(b), ['b']);
  });

  void it('is not asked in exchanges that are no join', async () => {
    await using cluster = new Cluster();
    const merges: number[] = [];
    let exchanges = 0;
    const a = await cluster.node(
      'a',
      {
        merge: { notifyMerge: (peers) => merges.push(peers.length) },
        delegate: { localState: () => Buffer.of(1), mergeRemoteState: () => exchanges++ },
      },
      mute,
    );
    const delegate = { localState: () => Buffer.of(1) };
    const b = await cluster.node('b', { pushPullInterval: 10, delegate }, mute);
    await b.join([addressOf(a).addr]);
    await until(a, () => exchanges > 3);
    assert.deepEqual(merges, [1]);
  });
});

void describe('AliveDelegate', () => {
  void it('keeps whom it refuses out, whichever way they come', async () => {
    await using cluster = new Cluster();
    const asked = new Set<string>();
    const log = new Log();
    const picky = await cluster.node('picky', {
      logger: log,
      pushPullInterval: 50,
      alive: {
        notifyAlive: ({ name }) => {
          asked.add(name);
          if (name.startsWith('bad')) throw new Error('I know that one');
        },
      },
    });
    const others = await cluster.joined(['a', 'b', 'bad']);
    await picky.join([addressOf(others[0]!).addr]);
    await until(picky, () => picky.numMembers === 3 && asked.has('bad'));
    await until(picky, () => log.of('claim-refused').length > 0);
    assert.deepEqual(names(picky), ['a', 'b', 'picky']);
    assert.equal(picky.member('bad'), undefined);
    assert.match(log.of('claim-refused')[0]?.message ?? '', /bad.*I know that one/);
  });

  void it('is not asked about our own claims', async () => {
    await using cluster = new Cluster();
    const asked: string[] = [];
    const a = await cluster.node('a', {
      alive: { notifyAlive: ({ name }) => void asked.push(name) },
    });
    await a.updateNode();
    assert.deepEqual(asked, []);
  });
});

void describe('PingDelegate', () => {
  void it('gets the round trip of each probe, and what the other side put into its ack', async () => {
    await using cluster = new Cluster({ latency: 2 });
    const measured: [name: string, rtt: number, payload: string][] = [];
    const a = await cluster.node('a', {
      ping: {
        notifyPingComplete: ({ name }, rtt, payload) =>
          measured.push([name, rtt, payload.toString()]),
      },
    });
    const b = await cluster.node('b', { ping: { ackPayload: () => Buffer.from('from b') } });
    const c = await cluster.node('c');
    await meet([a, b, c]);
    await until(a, () => new Set(measured.map(([name]) => name)).size === 2);
    for (const [name, rtt, payload] of measured) {
      assert.ok(rtt >= 4 && rtt < 2_000, `${rtt} ms`);
      assert.equal(payload, name === 'b' ? 'from b' : '');
    }
  });
});

void describe('delegates that are none', () => {
  void it('are mistakes of the configuration', async () => {
    await using cluster = new Cluster();
    const delegate = { notifyMsg: 'no function' } as unknown as object;
    const error = await rejection(cluster.node('a', { ...fast, delegate }), ConfigError);
    assert.equal(error.problems[0]?.field, 'delegate');
  });
});
