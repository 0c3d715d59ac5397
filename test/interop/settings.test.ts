/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Labels, protocol 1 and IPv6, each with and without a key, with each version of Go memberlist.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe } from 'node:test';
import { bothWays } from './both-ways.js';
import { OurNode } from './peers/our-node.js';
import { assertNoErrors, calm, withPeers, type PeerSettings } from './peers/peer.js';
import { goNode, goVersions, titleOf, type GoVersion } from './peers/programs.js';
import { scenario } from './results.js';

/** All IPv6 nodes share one address. Below the ephemeral ports of all systems, which connections use. */
const firstIPv6Port = 10_000;

/** Two of our nodes and one of Go's: all operations of two nodes, in both directions. */
async function cluster(
  version: GoVersion,
  settings: (name: string, host: number, isOurs: boolean) => PeerSettings,
): Promise<void> {
  const ours = new OurNode(settings('ours', 1, true));
  const second = new OurNode(settings('second', 2, true));
  const theirs = goNode(version, settings('theirs', 3, false));
  const all = [ours, second, theirs];
  await withPeers(all, async () => {
    await ours.join(theirs);
    await second.join(ours);
    for (const peer of all) await peer.untilListed(all);
    await bothWays(ours, theirs);
    await second.leave();
    for (const peer of [ours, theirs]) await peer.untilGone(second, 'left');
    await theirs.leave();
    await ours.untilGone(theirs, 'left');
  });
  assertNoErrors(all);
}

function describedBy(name: string): Partial<PeerSettings> & { name: string } {
  return {
    ...calm,
    // A ping that is late on a busy machine is not what these scenarios are about.
    probeTimeout: 900,
    name,
    localState: Buffer.from(`state of ${name}`).toString('base64'),
    ackPayload: Buffer.from(`ack of ${name}`).toString('base64'),
  };
}

/** Neither node can join the other, and each reports why. */
async function refused(version: GoVersion, subnet: string): Promise<void> {
  const delegateVersions = (min: number) => ({
    delegateProtocolMin: min,
    delegateProtocolMax: min + 1,
    delegateProtocolVersion: min,
  });
  const at = (host: number) => ({ ...calm, bindAddr: `${subnet}.${host}`, bindPort: 7946 });
  const ours = new OurNode({ ...at(1), ...delegateVersions(1), name: 'ours' });
  const theirs = goNode(version, { ...at(2), ...delegateVersions(3), name: 'theirs' });
  await withPeers([ours, theirs], async () => {
    const why = /(ours|theirs) speaks delegate protocol version [13].*at least 3, at most 2/;
    await assert.rejects(ours.join(theirs), (error: AggregateError) =>
      error.errors.some((cause) => why.test(String(cause))),
    );
    await assert.rejects(theirs.join(ours), why);
    for (const peer of [ours, theirs]) await peer.untilListed([peer]);
  });
}

describe('labels, protocol 1, IPv6', { concurrency: 4 }, () => {
  for (const [index, version] of goVersions.entries()) {
    const title = titleOf(version);
    scenario(title, 'incompatible delegate versions are refused in both directions', () =>
      refused(version, `127.95.${index}`),
    );
    for (const [k, keyBytes] of [0, 16, 32].entries()) {
      const secretKey = keyBytes > 0 ? randomBytes(keyBytes).toString('base64') : undefined;
      const key = secretKey === undefined ? {} : { secretKey };
      const sealed = keyBytes === 0 ? 'without a key' : `with AES-${keyBytes * 8}`;

      if (version.hasLabels) {
        for (const [l, label] of ['staging', 'ü'.repeat(127) + '.'].entries()) {
          const what = l === 0 ? 'a label' : 'a label of 255 bytes';
          scenario(title, `${what} ${sealed}`, () =>
            cluster(version, (name, host) => ({
              ...describedBy(name),
              ...key,
              label,
              bindAddr: `127.${70 + index}.${k}.${10 * l + host}`,
              bindPort: 7946,
            })),
          );
        }
      }

      for (const [p, theirProtocol] of [1, 2].entries()) {
        scenario(title, `ours at protocol 1, Go at protocol ${theirProtocol}, ${sealed}`, () =>
          cluster(version, (name, host, isOurs) => ({
            ...describedBy(name),
            ...key,
            protocolVersion: isOurs ? 1 : theirProtocol,
            bindAddr: `127.${80 + index}.${k}.${10 * p + host}`,
            bindPort: 7946,
          })),
        );
      }

      scenario(title, `IPv6 ${sealed}`, () =>
        cluster(version, (name, host) => ({
          ...describedBy(name),
          ...key,
          bindAddr: '::1',
          bindPort: firstIPv6Port + index * 100 + k * 10 + host,
        })),
      );
    }
  }
});
