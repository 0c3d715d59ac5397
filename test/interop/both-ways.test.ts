/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All operations of a node, from ours to Go's and from Go's to ours, for each version of Go memberlist.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { OurNode } from './peers/our-node.js';
import {
  assertNoErrors,
  calm,
  digestOf,
  killAll,
  type Peer,
  type PeerSettings,
} from './peers/peer.js';
import { goNode, goVersions, ourProcess, titleOf, type GoVersion } from './peers/programs.js';
import { tableOf } from './peers/table-of.js';
import { scenario } from './results.js';

const MESSAGE_SIZES = [1, 2, 255, 256, 1_400, 65_536, 5_000_000];
const PACKET_SIZES = [1, 2, 31, 32, 256, 1_300];
const MESSAGES_AT_ONCE = 3_000;
const META_SIZES = [1, 31, 32, 511, 512, 0];
const STATE_BYTES = 60_000;
const BROADCASTS = 5;

const long = 'ü'.repeat(100);

class Cluster {
  readonly theirs: Peer;
  /** Its name has 200 bytes. */
  readonly theirsLong: Peer;
  readonly ours: Peer;
  /** A separate process. Its name has 200 bytes. */
  readonly oursLong: Peer;

  constructor(version: GoVersion, subnet: string) {
    const settings = (name: string, host: number): PeerSettings => ({
      ...calm,
      // Short, but long enough for a machine that is busy with messages of 5 MB.
      suspicionMult: 2,
      suspicionMaxTimeoutMult: 1,
      // A reliable message waits for the other side.
      tcpTimeout: 30_000,
      name,
      bindAddr: `${subnet}.${host}`,
      bindPort: 7946,
      localState: randomBytes(STATE_BYTES).toString('base64'),
      ackPayload: Buffer.from(`ack of ${name}`).toString('base64'),
    });
    this.theirs = goNode(version, settings('theirs', 1));
    this.theirsLong = goNode(version, settings(`${long.slice(0, 97)}-日本`.slice(0, 100), 2));
    this.ours = new OurNode(settings('ours', 3));
    this.oursLong = ourProcess(settings(`${long.slice(0, 99)}ÿ`, 4));
  }

  get all(): readonly Peer[] {
    return [this.theirs, this.theirsLong, this.ours, this.oursLong];
  }

  /** Pairs of our nodes and Go's, in both directions. */
  get pairs(): readonly (readonly [from: Peer, to: Peer])[] {
    const { theirs, theirsLong, ours, oursLong } = this;
    return [
      [ours, theirs],
      [theirs, ours],
      [oursLong, theirsLong],
      [theirsLong, oursLong],
    ];
  }

  async start(): Promise<void> {
    const { theirs, theirsLong, ours, oursLong, all } = this;
    await Promise.all(all.map((peer) => peer.start()));
    await ours.join(theirs);
    await theirsLong.join(ours);
    await oursLong.join(theirsLong);
    for (const peer of all) await peer.untilListed(all);
  }

  /** Resolves once all others have received the event of its return. */
  async untilBack(peer: Peer, from: ReadonlyMap<Peer, number>): Promise<void> {
    for (const other of this.all) {
      if (other === peer) continue;
      const isJoin = (event: Peer['events'][number]): boolean =>
        event.event === 'join' && event.node.name === peer.name;
      await other.until(`the return of ${peer.name}`, isJoin, { from: from.get(other) ?? 0 });
    }
    for (const each of this.all) await each.untilListed(this.all);
  }

  marks(): ReadonlyMap<Peer, number> {
    return new Map(this.all.map((peer) => [peer, peer.events.length]));
  }
}

async function metadata({ pairs }: Cluster): Promise<void> {
  for (const [from, to] of pairs) {
    for (const size of META_SIZES) {
      const meta = randomBytes(size);
      const text = meta.toString('base64');
      await from.setMeta(meta);
      const isNew = (event: Peer['events'][number]): boolean =>
        event.event === 'update' &&
        event.node.name === from.name &&
        (event.node.meta ?? '') === text;
      await to.until(`metadata of ${size} bytes`, isNew);
    }
  }
}

async function messages(
  { pairs }: Cluster,
  how: 'best effort' | 'reliable',
  sizes: readonly number[],
): Promise<void> {
  for (const [from, to] of pairs) {
    for (const size of sizes) {
      const bytes = randomBytes(size);
      const mark = to.events.length;
      await from.send(to, bytes, how);
      await to.untilBytes('message', bytes, mark);
    }
  }
}

/** A node accepts at most 256 streams from one source, far fewer than these messages. */
async function manyMessages({ ours, theirs }: Cluster): Promise<void> {
  const mark = theirs.events.length;
  const texts = Array.from({ length: MESSAGES_AT_ONCE }, (_, i) => `message ${i} of many`);
  const sends = texts.map((text) => ours.send(theirs, Buffer.from(text), 'reliable'));
  const outcomes = await Promise.allSettled(sends);
  const digests = new Set<string>();
  for (const event of theirs.events.slice(mark)) if ('digest' in event) digests.add(event.digest);
  for (const [i, { status }] of outcomes.entries()) {
    assert.equal(status, 'fulfilled');
    // Events from before the promise resolved may still be in the pipe.
    const bytes = Buffer.from(texts[i] ?? '');
    if (!digests.has(digestOf(bytes))) await theirs.untilBytes('message', bytes, mark);
  }
}

async function broadcasts({ all }: Cluster): Promise<void> {
  for (const from of all) {
    // One after the other: with many at once, gossip alone would occasionally miss a node.
    for (let i = 0; i < BROADCASTS; i++) {
      const message = Buffer.from(`broadcast ${i} by ${from.name}`);
      await from.broadcast(message);
      for (const to of all) if (to !== from) await to.untilBytes('message', message);
    }
  }
}

/** One node crashes. The others detect it. It returns with its name and address. */
async function crashAndReturn(cluster: Cluster, peer: Peer): Promise<void> {
  const others = cluster.all.filter((other) => other !== peer);
  const marks = cluster.marks();
  await peer.kill();
  for (const other of others) await other.untilGone(peer, 'dead', marks.get(other));
  const before = cluster.marks();
  await peer.start();
  await peer.join(others[0] as Peer);
  await cluster.untilBack(peer, before);
}

async function leaveAndReturn(cluster: Cluster, peer: Peer): Promise<void> {
  const others = cluster.all.filter((other) => other !== peer);
  const marks = cluster.marks();
  await peer.leave();
  for (const other of others) await other.untilGone(peer, 'left', marks.get(other));
  await peer.kill();
  const before = cluster.marks();
  await peer.start();
  await peer.join(others[0] as Peer);
  await cluster.untilBack(peer, before);
}

describe('all operations in both directions', { concurrency: 2 }, () => {
  for (const [index, version] of goVersions.entries()) {
    const title = titleOf(version);
    describe(title, { concurrency: 1, timeout: 180_000 }, () => {
      const cluster = new Cluster(version, `127.50.${index}`);
      const { all, ours, theirs, oursLong } = cluster;
      const it = (name: string, run: () => void | Promise<void>): void =>
        scenario(title, name, run);
      before(() => cluster.start());
      after(() => Promise.all(all.map((peer) => peer.kill())));

      it('joins in both directions; names in UTF-8 of 200 bytes', async () => {
        for (const peer of all) await peer.untilListed(all);
      });
      it('metadata of 0 to 512 bytes, binary', () => metadata(cluster));
      it('reliable messages of 1 byte to 5 MB', () => messages(cluster, 'reliable', MESSAGE_SIZES));
      it('3,000 reliable messages at once, to Go', () => manyMessages(cluster));
      it('best-effort messages of 1 to 1,300 bytes', () =>
        messages(cluster, 'best effort', PACKET_SIZES));
      it('broadcasts through the queue', () => broadcasts(cluster));
      it('local state on push/pull', async () => {
        for (const [from, to] of cluster.pairs) {
          await to.untilBytes('state', Buffer.from(from.settings.localState ?? '', 'base64'));
        }
      });
      it('acks with a payload', async () => {
        for (const [from, to] of cluster.pairs) {
          await to.untilBytes('ping', Buffer.from(from.settings.ackPayload ?? '', 'base64'));
        }
      });
      it('standalone pings', async () => {
        for (const [from, to] of cluster.pairs) assert.ok((await from.ping(to)) < 1_000);
      });
      it('the tables agree, incarnations included', async () => {
        const reference = await tableOf(ours);
        for (const peer of all) assert.deepEqual(await tableOf(peer), reference);
      });
      it('no error is logged in a healthy cluster', () => {
        assertNoErrors(all);
      });
      it('Go crashes and returns', () => crashAndReturn(cluster, theirs));
      it('ours crashes and returns', () => crashAndReturn(cluster, oursLong));
      it('Go leaves and returns', () => leaveAndReturn(cluster, theirs));
      it('ours leaves and returns', () => leaveAndReturn(cluster, oursLong));
      it('errors are logged only about nodes that were gone', async () => {
        await killAll(all);
        const gone = [theirs, oursLong].flatMap(({ name, settings }) => [name, settings.bindAddr]);
        const names = new RegExp(gone.map((text) => text.replaceAll('.', '\\.')).join('|'));
        assertNoErrors(all, [names]);
      });
    });
  }
});
