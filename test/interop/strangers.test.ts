/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Who has no key, another key or another label never becomes a member and never changes one: a
// stranger of Go's at our door, and one of ours at Go's.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { OurNode } from './peers/our-node.js';
import { calm, withPeers, type Peer, type PeerSettings } from './peers/peer.js';
import { goNode, goVersions, titleOf } from './peers/programs.js';
import { tableOf } from './peers/table-of.js';
import { scenario } from './results.js';

const key = randomBytes(32).toString('base64');
const other = randomBytes(32).toString('base64');

type Credentials = Pick<PeerSettings, 'secretKey' | 'label' | 'gossipVerifyOutgoing'>;

const strangers: readonly {
  readonly what: string;
  readonly cluster: Credentials;
  readonly stranger: Credentials;
}[] = [
  { what: 'a wrong key', cluster: { secretKey: key }, stranger: { secretKey: other } },
  { what: 'plaintext', cluster: { secretKey: key }, stranger: {} },
  // It understands what it hears, and so knows names and addresses to lie about.
  {
    what: 'the key, but it speaks plaintext',
    cluster: { secretKey: key },
    stranger: { secretKey: key, gossipVerifyOutgoing: false },
  },
  { what: 'encryption where there is none', cluster: {}, stranger: { secretKey: key } },
  { what: 'a wrong label', cluster: { label: 'blue' }, stranger: { label: 'green' } },
  { what: 'no label', cluster: { label: 'blue' }, stranger: {} },
  { what: 'a label where there is none', cluster: {}, stranger: { label: 'green' } },
  {
    what: 'the key and a wrong label',
    cluster: { secretKey: key, label: 'blue' },
    stranger: { secretKey: key, label: 'green' },
  },
];

/** Long enough for the stranger's probes, gossip and exchanges, if it had anybody. */
const ATTACK_MS = 1_500;

async function keepOut(cluster: readonly Peer[], strangersToThem: readonly Peer[]): Promise<void> {
  await withPeers([...cluster, ...strangersToThem], async () => {
    const [first, ...others] = cluster as [Peer, ...Peer[]];
    for (const peer of others) await peer.join(first);
    for (const peer of cluster) await peer.untilListed(cluster);
    const before = await tableOf(first);
    for (const stranger of strangersToThem) {
      for (const peer of cluster) {
        await assert.rejects(stranger.join(peer), `${stranger.name} got in at ${peer.name}`);
      }
      for (const peer of cluster) await assert.rejects(stranger.ping(peer));
    }
    // A member must not call a stranger in either.
    for (const peer of cluster) {
      for (const stranger of strangersToThem) await assert.rejects(peer.join(stranger));
    }
    await wait(ATTACK_MS);
    for (const peer of cluster) {
      assert.deepEqual([...(await peer.members()).keys()].sort(), [...before.keys()].sort());
      assert.deepEqual(await tableOf(peer), before, `the table of ${peer.name} is as it was`);
      const gone = peer.events.filter(({ event }) => event === 'leave' || event === 'update');
      assert.deepEqual(gone, []);
    }
    for (const stranger of strangersToThem) {
      // With the key it understands what the cluster says to it, and nothing more.
      if (stranger.settings.secretKey === first.settings.secretKey) continue;
      assert.deepEqual([...(await stranger.members()).keys()], [stranger.name]);
    }
  });
}

describe('strangers', { concurrency: 4, timeout: 240_000 }, () => {
  for (const [v, version] of goVersions.entries()) {
    for (const [s, { what, cluster, stranger }] of strangers.entries()) {
      const usesLabels = (cluster.label ?? stranger.label) !== undefined;
      if (usesLabels && !version.hasLabels) continue;
      const settings = (name: string, host: number, credentials: Credentials): PeerSettings => ({
        ...calm,
        ...credentials,
        tcpTimeout: 2_000,
        name,
        bindAddr: `127.${100 + v}.${s}.${host}`,
        bindPort: 7946,
      });
      scenario(titleOf(version), `kept out: who has ${what}`, () =>
        keepOut(
          [
            new OurNode(settings('ours', 1, cluster)),
            goNode(version, settings('go', 2, cluster)),
            new OurNode(settings('ours-2', 3, cluster)),
          ],
          [
            goNode(version, settings('go-stranger', 10, stranger)),
            new OurNode(settings('our-stranger', 11, stranger)),
          ],
        ),
      );
    }
  }
});
