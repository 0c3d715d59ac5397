/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The information in captured traffic of a cluster: everything without a key; only the label, the sizes and
// the times with one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keyring, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { until } from '../unit/memberlist/cluster.js';
import { Capture, freePort, readable } from './capture.js';

const label = 'the label is not secret';
const names = ['node-of-ada', 'node-of-bob', 'node-of-eve'] as const;
const addresses = ['127.0.9.1', '127.0.9.2', '127.0.9.3'] as const;
const secrets = {
  meta: 'metadata at the start',
  newMeta: 'metadata that was changed',
  bestEffort: 'sent in a packet',
  reliable: 'sent on a stream',
  broadcast: 'sent to all nodes',
  state: 'state that is exchanged',
  ackPayload: 'payload of an ack',
  refusal: 'why the merge was refused',
} as const;
const texts: readonly string[] = [...names, ...Object.values(secrets)];

/** One node of the cluster, and everything that it received. */
class TestNode {
  readonly capture: Capture;
  readonly received = new Set<string>();
  #meta: string = secrets.meta;
  #broadcasts: string[] = [];
  refuses = false;
  list!: Memberlist;

  constructor(bindAddr: string, bindPort: number) {
    this.capture = new Capture(bindAddr, bindPort);
  }

  async start(config: MemberlistConfig): Promise<this> {
    this.list = await Memberlist.create({
      ...config,
      label,
      transport: this.capture,
      gossipInterval: 10,
      probeInterval: 50,
      probeTimeout: 40,
      delegate: {
        nodeMeta: () => Buffer.from(this.#meta),
        notifyMsg: (message) => this.received.add(message.toString()),
        getBroadcasts: () => this.#broadcasts.splice(0).map((text) => Buffer.from(text)),
        localState: () => Buffer.from(secrets.state),
        mergeRemoteState: (state) => this.received.add(state.toString()),
      },
      ping: {
        ackPayload: () => Buffer.from(secrets.ackPayload),
        notifyPingComplete: (_node, _rtt, payload) => this.received.add(payload.toString()),
      },
      merge: {
        notifyMerge: () => {
          if (this.refuses) throw new Error(secrets.refusal);
        },
      },
    });
    return this;
  }

  async change(): Promise<void> {
    this.#meta = secrets.newMeta;
    await this.list.updateNode();
  }

  broadcast(): void {
    this.#broadcasts.push(secrets.broadcast);
  }
}

/** A join, gossip, probes, messages of all kinds, a refusal and a leave; returns all bytes. */
async function captureLife(config: MemberlistConfig): Promise<Buffer[]> {
  // Protocol 1 transmits no ports: all nodes have the same.
  const bindPort = await freePort(addresses[0]);
  const starting = names.map((name, i) =>
    new TestNode(addresses[i] as string, bindPort).start({ ...config, name, bindPort }),
  );
  const [ada, bob, eve] = await Promise.all(starting);
  assert.ok(ada && bob && eve);
  const nodes = [ada, bob, eve];
  const lists = nodes.map(({ list }) => list);
  try {
    await bob.list.join([ada.list.localNode.address]);
    ada.refuses = true;
    await assert.rejects(eve.list.join([ada.list.localNode.address]), { code: /JOIN/ });
    ada.refuses = false;
    await eve.list.join([ada.list.localNode.address]);
    await until(lists, () => lists.every(({ numMembers }) => numMembers === 3));
    await ada.change();
    const newMeta = Buffer.from(secrets.newMeta);
    const isChanged = (list: Memberlist): boolean =>
      list.member(names[0])?.meta.equals(newMeta) === true;
    await until(lists, () => lists.every(isChanged));
    await ada.list.sendBestEffort(bob.list.localNode, Buffer.from(secrets.bestEffort));
    await ada.list.sendReliable(bob.list.localNode, Buffer.from(secrets.reliable));
    ada.broadcast();
    const { bestEffort, reliable, state, ackPayload, broadcast } = secrets;
    for (const text of [bestEffort, reliable, state])
      await until(lists, () => bob.received.has(text));
    await until(lists, () => ada.received.has(ackPayload));
    await until(lists, () => bob.received.has(broadcast) || eve.received.has(broadcast));
    await eve.list.leave();
    await until(lists, () => ada.list.member(names[2])?.state === 'left');
  } finally {
    await Promise.all(lists.map((list) => list.shutdown()));
  }
  return nodes.flatMap(({ capture }) => capture.sent);
}

for (const enableCompression of [true, false]) {
  const withCompression = `compression ${enableCompression ? 'on' : 'off'}`;

  test(`without a key a capture contains every text, with ${withCompression}`, async () => {
    const sent = await captureLife({ enableCompression });
    assert.deepEqual(readable(texts, sent), texts);
    assert.deepEqual(readable([label], sent), [label]);
    // Streams are always compressed when compression is on: there the texts are not directly visible.
    const isVisible = sent.some((bytes) => bytes.includes(secrets.reliable));
    assert.equal(isVisible, !enableCompression);
  });

  for (const protocolVersion of [2, 1]) {
    const settings = `${withCompression} and protocol ${protocolVersion}`;
    test(`with a key a capture contains no text except the label, with ${settings}`, async () => {
      const secretKey = Keyring.generate();
      const sent = await captureLife({ enableCompression, protocolVersion, secretKey });
      assert.deepEqual(readable(texts, sent), []);
      assert.deepEqual(readable([label], sent), [label]);
      // Neither the key itself nor field names of messages.
      const words = ['Node', 'Meta', 'SeqNo', 'UserMsgLen', 'Incarnation', 'Algo', 'Error'];
      assert.deepEqual(readable(words, sent), []);
      assert.ok(!sent.some((bytes) => bytes.includes(secretKey)));
    });
  }
}

test('during the introduction of encryption a capture still contains every text', async () => {
  const secretKey = Keyring.generate();
  const rollout = { gossipVerifyIncoming: false, gossipVerifyOutgoing: false };
  const sent = await captureLife({ secretKey, ...rollout });
  assert.deepEqual(readable(texts, sent), texts);
});
