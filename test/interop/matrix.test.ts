/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encryption × compression × protocol versions: in each combination one cluster of all versions of
// Go memberlist and two nodes of ours, where everything that nodes do is done both ways.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { bothWays } from './both-ways.js';
import { assertNoErrors, killAll, calm, type Peer, type PeerSettings } from './peers/peer.js';
import { OurNode } from './peers/our-node.js';
import { goNode, goVersions, titleOf } from './peers/programs.js';
import { scenario } from './results.js';

const ciphers = [
  { cipher: 'plain', keyBytes: 0 },
  { cipher: 'AES-128', keyBytes: 16 },
  { cipher: 'AES-192', keyBytes: 24 },
  { cipher: 'AES-256', keyBytes: 32 },
];
const PROTOCOLS = [2, 3, 4, 5];
const CLUSTERS_AT_ONCE = 3;

// INTEROP_ONLY, a regular expression, picks some of them by their titles.
const only = new RegExp(process.env.INTEROP_ONLY ?? '');
const combinations = ciphers.flatMap(({ cipher, keyBytes }) =>
  [true, false].flatMap((enableCompression) =>
    PROTOCOLS.map((protocolVersion) => ({
      cipher,
      keyBytes,
      enableCompression,
      protocolVersion,
      title: `${cipher}, ${enableCompression ? 'compressed' : 'uncompressed'}, ours at protocol ${protocolVersion}`,
    })),
  ),
);

/** Which protocol each Go node current: all four in each cluster, all pairs over the clusters. */
function theirProtocol(combination: number, ofVersion: number): number {
  const shift = Math.floor(combination / PROTOCOLS.length);
  return PROTOCOLS[(combination + shift + ofVersion) % PROTOCOLS.length] as number;
}

describe('encryption × compression × versions', { concurrency: CLUSTERS_AT_ONCE }, () => {
  for (const [index, combination] of combinations.entries()) {
    if (!only.test(combination.title)) continue;
    describe(combination.title, { concurrency: 1, timeout: 60_000 }, () => {
      const { keyBytes, enableCompression, protocolVersion } = combination;
      const secretKey = keyBytes > 0 ? randomBytes(keyBytes).toString('base64') : undefined;
      const settings = (name: string, host: number, protocol: number): PeerSettings => ({
        ...calm,
        name,
        bindAddr: `127.${10 + index}.0.${host}`,
        bindPort: 7946,
        protocolVersion: protocol,
        enableCompression,
        ...(secretKey !== undefined && { secretKey }),
        meta: Buffer.from(`meta of ${name}`).toString('base64'),
        localState: Buffer.from(`state of ${name}`).toString('base64'),
        ackPayload: Buffer.from(`ack of ${name}`).toString('base64'),
      });
      const ours = new OurNode(settings('ours', 1, protocolVersion));
      const leaver = new OurNode(settings('leaver', 2, protocolVersion));
      const theirs = goVersions.map((version, i) => {
        const protocol = theirProtocol(index, i);
        const node = goNode(version, settings(`go-${version.version}`, 10 + i, protocol));
        return { version, node, protocol };
      });
      const goNodes: readonly Peer[] = theirs.map(({ node }) => node);
      const all = [ours, leaver, ...goNodes];

      before(() => Promise.all(all.map((peer) => peer.start())));
      after(() => Promise.all(all.map((peer) => peer.kill())));

      it('all nodes form one cluster, by joining ours or Go', async () => {
        const [first, second, ...others] = goNodes;
        assert.ok(first !== undefined && second !== undefined);
        await ours.join(first);
        await second.join(ours);
        await leaver.join(second);
        for (const node of others) await node.join(leaver);
        for (const peer of all) {
          const members = await peer.untilListed(all);
          for (const { name, settings: its } of all) {
            const { meta, protocolVersion: current, address } = members.get(name) ?? {};
            const seen = [meta, current, address];
            const wanted = [its.meta, its.protocolVersion, `${its.bindAddr}:${its.bindPort}`];
            assert.deepEqual(seen, wanted, `${name} as ${peer.name} sees it`);
          }
        }
      });

      for (const { version, node } of theirs) {
        scenario(titleOf(version), combination.title, () => bothWays(ours, node));
      }

      it('a node that leaves is reported as left, by ours and by Go', async () => {
        const [first, ...others] = goNodes;
        assert.ok(first !== undefined);
        await leaver.leave();
        for (const peer of [ours, ...goNodes]) await peer.untilGone(leaver, 'left');
        await first.leave();
        for (const peer of [ours, ...others]) await peer.untilGone(first, 'left');
      });

      it('no node logged an error', async () => {
        await killAll(all);
        assertNoErrors(all);
      });
    });
  }
});
