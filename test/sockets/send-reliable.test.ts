/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Messages over real streams: each of many concurrent messages is delivered or its promise rejects.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Memberlist, ProtocolError, lanConfig, type MemberlistConfig } from '../../src/index.js';
import { limits } from '../../src/wire/limits.js';

const loopback: MemberlistConfig = { ...lanConfig(), bindAddr: '127.0.0.1', bindPort: 0 };
const quiet = (): void => undefined;
const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };

interface Pair extends AsyncDisposable {
  readonly sender: Memberlist;
  readonly receiver: Memberlist;
  /** The messages that the receiver's delegate got. */
  readonly delivered: Set<string>;
}

async function pair(): Promise<Pair> {
  const delivered = new Set<string>();
  const notifyMsg = (message: Buffer): void => void delivered.add(message.toString());
  const settings = { ...loopback, tcpTimeout: 60_000, logger: silent };
  const receiver = await Memberlist.create({ ...settings, name: 'b', delegate: { notifyMsg } });
  const sender = await Memberlist.create({ ...settings, name: 'a' });
  await sender.join([receiver.localNode.address]);
  return {
    ...{ sender, receiver, delivered },
    async [Symbol.asyncDispose]() {
      await Promise.all([sender.shutdown(), receiver.shutdown()]);
    },
  };
}

function sendMany(
  { sender, receiver }: Pair,
  count: number,
): Promise<PromiseSettledResult<void>[]> {
  const to = receiver.localNode;
  const send = (_: unknown, i: number): Promise<void> =>
    sender.sendReliable(to, Buffer.from(`message ${i}`));
  return Promise.allSettled(Array.from({ length: count }, send));
}

for (const count of [600, 3_000]) {
  test(`${count} messages at once are all delivered`, { timeout: 120_000 }, async () => {
    await using nodes = await pair();
    const outcomes = await sendMany(nodes, count);
    assert.deepEqual([...new Set(outcomes.map(({ status }) => status))], ['fulfilled']);
    assert.equal(nodes.delivered.size, count);
  });
}

test('messages to a peer that accepts no more streams reject', { timeout: 60_000 }, async () => {
  await using nodes = await pair();
  const { host, port } = /(?<host>.*):(?<port>\d+)/.exec(nodes.receiver.localNode.address)!
    .groups as { host: string; port: string };
  const open = Array.from({ length: limits.streamsPerSource }, () => connect(Number(port), host));
  await Promise.all(
    open.map((socket) => new Promise<void>((done) => socket.on('error', done).on('connect', done))),
  );
  const outcomes = await sendMany(nodes, 50);
  for (const socket of open) socket.destroy();
  const sent = outcomes.filter(({ status }) => status === 'fulfilled').length;
  assert.equal(nodes.delivered.size, sent);
  for (const outcome of outcomes) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof ProtocolError);
  }
});

test('when a node shuts down, messages to it that resolved were delivered', async () => {
  await using nodes = await pair();
  const sending = sendMany(nodes, 300);
  await new Promise<void>((resolve) => nodes.receiver.once('message', () => resolve()));
  const before = nodes.delivered.size;
  await nodes.receiver.shutdown();
  const outcomes = await sending;
  const sent = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
  assert.ok(sent.length < outcomes.length && before > 0);
  for (const i of sent) assert.ok(nodes.delivered.has(`message ${i}`), `message ${i}`);
});
