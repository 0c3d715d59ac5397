/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  JoinError,
  Keyring,
  type Logger,
  type Memberlist,
  type MemberlistConfig,
  ProtocolError,
} from '../../../src/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { Cluster, Log, addressOf, fast, names, rejection, until } from './cluster.js';

// Why b could not join a.
async function refusal(b: Memberlist, a: Memberlist): Promise<Error> {
  const error = await rejection(b.join([addressOf(a).addr]), JoinError);
  assert.deepEqual(names(a), [a.localNode.name]);
  assert.deepEqual(names(b), [b.localNode.name]);
  assert.equal(error.failures.length, 1);
  return error.failures[0]!.error;
}

void describe('clusters of different versions', () => {
  const delegateVersions = (min: number, max: number, current: number): MemberlistConfig => ({
    delegateProtocolMin: min,
    delegateProtocolMax: max,
    delegateProtocolVersion: current,
  });

  void it('do not become one, and the error names the node and the range', async () => {
    await using cluster = new Cluster();
    const old = await cluster.node('old', delegateVersions(1, 2, 2));
    const recent = await cluster.node('recent', delegateVersions(2, 4, 4));
    const error = await refusal(recent, old);
    assert.ok(error instanceof ProtocolError);
    assert.match(error.message, /recent speaks delegate protocol version 4.* 2 to 2/);
  });

  void it('do not become one when no version is understood by all', async () => {
    await using cluster = new Cluster();
    const old = await cluster.node('old', delegateVersions(1, 2, 2));
    const recent = await cluster.node('recent', delegateVersions(5, 6, 5));
    const error = await refusal(recent, old);
    assert.ok(error instanceof ProtocolError);
    assert.match(error.message, /delegate protocol version.*at least 5, at most 2/);
  });

  void it('become one when all understand what each speaks', async () => {
    await using cluster = new Cluster();
    const old = await cluster.node('old', delegateVersions(1, 3, 2));
    const recent = await cluster.node('recent', delegateVersions(2, 4, 3));
    await recent.join([addressOf(old).addr]);
    assert.deepEqual(names(recent), ['old', 'recent']);
    assert.deepEqual(recent.member('old')?.delegateProtocol, { min: 1, max: 3, current: 2 });
    await until(old, () => old.numMembers === 2);
  });

  void it('one packet about a member of odd versions stops neither joins nor push/pulls', async () => {
    for (const versions of [
      [1, 5, 2, 7, 9, 8],
      [2, 2, 2, 0, 0, 0],
      [1, 5],
    ]) {
      const config = { pushPullInterval: 1_000, gossipInterval: 0, settleAfterJoin: false };
      await using cluster = await SimulatedCluster.create({ size: 3, config });
      await cluster.joinAll();
      const address = cluster.node('n0').localNode.address;
      const where = { addr: Buffer.of(10, 9, 9, 9), port: 7946, meta: null };
      const vsn = Buffer.from(versions);
      const claim = { type: MessageType.alive, node: 'forged', incarnation: 1, ...where, vsn };
      cluster.network.carry(encodeMessage(claim), '10.8.8.8:7946', address);
      await cluster.run(1_000);
      await cluster.addNode('n3', { config: { protocolVersion: 5 } });
      await cluster.runUntil(() =>
        cluster.names().every((name) => cluster.node(name).member('n3') !== undefined),
      );
    }
  });

  for (const protocolVersion of [1, 2, 3, 4, 5]) {
    void it(`gossip in protocol ${protocolVersion} with one of protocol 2`, async () => {
      await using cluster = new Cluster();
      const a = await cluster.node('a');
      const b = await cluster.node('b', { protocolVersion });
      const c = await cluster.node('c');
      await b.join([addressOf(a).addr]);
      await c.join([addressOf(b).addr]);
      const lists = [a, b, c];
      await until(lists, () => lists.every(({ numMembers }) => numMembers === 3));
      assert.equal(a.member('b')?.protocol.current, protocolVersion);
      await b.leave();
      await until(lists, () => a.numMembers === 2 && c.numMembers === 2);
    });
  }
});

void describe('an encrypted cluster', () => {
  const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

  for (const size of [16, 24, 32]) {
    void it(`works with a key of ${size} bytes, given as bytes or as base64`, async () => {
      await using cluster = new Cluster();
      const secretKey = Buffer.alloc(size, 9);
      const a = await cluster.node('a', { secretKey });
      const b = await cluster.node('b', { secretKey: secretKey.toString('base64') });
      const c = await cluster.node('c', { keyring: new Keyring(secretKey) });
      for (const list of [b, c]) await list.join([addressOf(a).addr]);
      const lists = [a, b, c];
      await until(lists, () => lists.every(({ numMembers }) => numMembers === 3));
      const messages: string[] = [];
      b.on('message', (payload) => messages.push(payload.toString()));
      await a.sendBestEffort(b.localNode, Buffer.from('packet'));
      await a.sendReliable(b.localNode, Buffer.from('stream'));
      await until(b, () => messages.length === 2);
      assert.ok((await a.ping('c', addressOf(c).addr)) >= 0);
      await c.leave();
      await until(lists, () => a.numMembers === 2 && b.numMembers === 2);
    });
  }

  const strangers: [who: string, theirs: MemberlistConfig, ours: MemberlistConfig][] = [
    ['a node without a key', {}, { secretKey: one }],
    ['a node with another key', { secretKey: other }, { secretKey: one }],
    ['a node with a key where there is none', { secretKey: one }, {}],
    ['a node with another label', { label: 'blue' }, { label: 'green' }],
    ['a node without a label', {}, { label: 'green' }],
    ['a node with a label where there is none', { label: 'green' }, {}],
  ];
  for (const [who, theirs, ours] of strangers) {
    void it(`keeps ${who} out`, async () => {
      await using cluster = new Cluster();
      const log = new Log();
      const a = await cluster.node('a', { ...fast, ...ours, logger: log });
      const b = await cluster.node('b', { ...fast, ...theirs });
      const error = await refusal(b, a);
      assert.ok(error instanceof ProtocolError, String(error));
      const messages: string[] = [];
      a.on('message', (payload) => messages.push(payload.toString()));
      await b.sendToAddress(addressOf(a), Buffer.from('let me in'));
      await b.sendReliable(a.localNode, Buffer.from('let me in')).catch(() => undefined);
      await until(a, () => log.of('packet-dropped').length > 0);
      await until(a, () => log.of('stream-dropped').length > 0);
      assert.deepEqual(messages, []);
      assert.deepEqual(names(a), ['a']);
    });
  }

  void it('lets the keys be rotated without losing anybody', async () => {
    await using cluster = new Cluster();
    const lists: Memberlist[] = [];
    for (const name of ['a', 'b', 'c']) lists.push(await cluster.node(name, { secretKey: one }));
    const [a] = lists;
    for (const list of lists.slice(1)) await list.join([addressOf(a!).addr]);
    await until(lists, () => lists.every(({ numMembers }) => numMembers === 3));
    let gone = 0;
    for (const list of lists) list.on('leave', () => gone++);
    for (const list of lists) list.keyring?.addKey(other);
    for (const list of lists) list.keyring?.useKey(other);
    for (const list of lists) list.keyring?.removeKey(one);
    const late = await cluster.node('late', { secretKey: other });
    await late.join([addressOf(a!).addr]);
    await until(lists, () => lists.every(({ numMembers }) => numMembers === 4));
    assert.equal(gone, 0);
    const tooLate = await cluster.node('too late', { secretKey: one });
    await rejection(tooLate.join([addressOf(a!).addr]), JoinError);
  });
});

void describe('the logger', () => {
  void it('gets lines with a code, a subsystem and a peer', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const a = await cluster.node('a', { logger: log });
    const b = await cluster.node('b');
    await b.join([addressOf(a).addr]);
    await b.leave();
    await until(a, () => log.of('member-left').length === 1);
    assert.deepEqual(log.of('member-joined'), [
      {
        level: 'info',
        message: `b at ${b.localNode.address} joined`,
        fields: {
          code: 'member-joined',
          subsystem: 'membership',
          peer: 'b',
          address: b.localNode.address,
        },
      },
    ]);
    assert.ok(log.lines.every(({ fields }) => typeof fields.code === 'string'));
    assert.ok(log.lines.every(({ fields }) => typeof fields.subsystem === 'string'));
  });

  void it('stops nothing when it throws', async () => {
    await using cluster = new Cluster();
    const broken = (): never => {
      throw new Error('the disk is full');
    };
    const logger: Logger = { debug: broken, info: broken, warn: broken, error: broken };
    const [a, b] = await cluster.joined(['a', 'b'], { ...fast, logger });
    a!.on('leave', broken);
    await b!.leave();
    await until(a!, () => a!.numMembers === 1);
  });

  void it('never sees a key', async () => {
    await using cluster = new Cluster();
    const secretKey = Buffer.from('correct horse battery staple 123');
    const log = new Log();
    const a = await cluster.node('a', { secretKey, logger: log });
    const b = await cluster.node('b', { secretKey: Buffer.alloc(32, 1), logger: log });
    await rejection(b.join([addressOf(a).addr]), JoinError);
    assert.ok(log.lines.length > 0);
    const text = JSON.stringify(log.lines);
    for (const encoding of ['utf8', 'base64', 'hex'] as const) {
      assert.ok(!text.includes(secretKey.toString(encoding)));
    }
  });
});
