/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node without the key, with another key or another label never becomes a member and never changes one: an
// outsider of Go's that contacts our cluster, and one of ours that contacts Go's.
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

const outsiders: readonly {
  readonly what: string;
  readonly cluster: Credentials;
  readonly outsider: Credentials;
}[] = [
  { what: 'a wrong key', cluster: { secretKey: key }, outsider: { secretKey: other } },
  { what: 'plaintext only', cluster: { secretKey: key }, outsider: {} },
  // It can read the traffic, so it knows names and addresses for forged claims.
  {
    what: 'the key that sends plaintext',
    cluster: { secretKey: key },
    outsider: { secretKey: key, gossipVerifyOutgoing: false },
  },
  { what: 'encryption in a plaintext cluster', cluster: {}, outsider: { secretKey: key } },
  { what: 'a wrong label', cluster: { label: 'blue' }, outsider: { label: 'green' } },
  { what: 'no label', cluster: { label: 'blue' }, outsider: {} },
  { what: 'a label in a cluster without one', cluster: {}, outsider: { label: 'green' } },
  {
    what: 'the key and a wrong label',
    cluster: { secretKey: key, label: 'blue' },
    outsider: { secretKey: key, label: 'green' },
  },
];

/** Long enough for the outsider's probes, gossip and exchanges, if it had peers. */
const ATTACK_MS = 1_500;

async function keepOut(
  cluster: readonly Peer[],
  outsidersOfCluster: readonly Peer[],
): Promise<void> {
  await withPeers([...cluster, ...outsidersOfCluster], async () => {
    const [first, ...others] = cluster as [Peer, ...Peer[]];
    for (const peer of others) await peer.join(first);
    for (const peer of cluster) await peer.untilListed(cluster);
    const before = await tableOf(first);
    for (const outsider of outsidersOfCluster) {
      for (const peer of cluster) {
        await assert.rejects(outsider.join(peer), `${outsider.name} joined ${peer.name}`);
      }
      for (const peer of cluster) await assert.rejects(outsider.ping(peer));
    }
    // A member must not admit an outsider by joining it either.
    for (const peer of cluster) {
      for (const outsider of outsidersOfCluster) await assert.rejects(peer.join(outsider));
    }
    await wait(ATTACK_MS);
    for (const peer of cluster) {
      assert.deepEqual([...(await peer.members()).keys()].sort(), [...before.keys()].sort());
      assert.deepEqual(await tableOf(peer), before, `the table of ${peer.name} is as it was`);
      const gone = peer.events.filter(({ event }) => event === 'leave' || event === 'update');
      assert.deepEqual(gone, []);
    }
    for (const outsider of outsidersOfCluster) {
      // With the key it can read what the cluster sends it, and nothing more.
      if (outsider.settings.secretKey === first.settings.secretKey) continue;
      assert.deepEqual([...(await outsider.members()).keys()], [outsider.name]);
    }
  });
}

describe('outsiders', { concurrency: 4, timeout: 240_000 }, () => {
  for (const [v, version] of goVersions.entries()) {
    for (const [s, { what, cluster, outsider }] of outsiders.entries()) {
      const usesLabels = (cluster.label ?? outsider.label) !== undefined;
      if (usesLabels && !version.hasLabels) continue;
      const settings = (name: string, host: number, credentials: Credentials): PeerSettings => ({
        ...calm,
        ...credentials,
        tcpTimeout: 2_000,
        name,
        bindAddr: `127.${100 + v}.${s}.${host}`,
        bindPort: 7946,
      });
      scenario(titleOf(version), `kept out: a node with ${what}`, () =>
        keepOut(
          [
            new OurNode(settings('ours', 1, cluster)),
            goNode(version, settings('go', 2, cluster)),
            new OurNode(settings('ours-2', 3, cluster)),
          ],
          [
            goNode(version, settings('go-outsider', 10, outsider)),
            new OurNode(settings('our-outsider', 11, outsider)),
          ],
        ),
      );
    }
  }
});
