/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Grafana's fork of Go memberlist with our nodes: it sends snappy, if configured, and reads LZW.
import { randomBytes } from 'node:crypto';
import { describe } from 'node:test';
import { bothWays } from './both-ways.js';
import { OurNode } from './peers/our-node.js';
import { assertNoErrors, calm, killAll, withPeers, type PeerSettings } from './peers/peer.js';
import { goNode, grafanaFork, titleOf } from './peers/programs.js';
import { scenario } from './results.js';

const key = randomBytes(32).toString('base64');

describe("Grafana's fork", { concurrency: 2, timeout: 120_000 }, () => {
  for (const [index, algorithm] of (['snappy', 'lzw'] as const).entries()) {
    for (const [k, secretKey] of [undefined, key].entries()) {
      const how = secretKey === undefined ? 'in plaintext' : 'encrypted';
      scenario(titleOf(grafanaFork), `it sends ${algorithm}, ${how}`, async () => {
        const settings = (name: string, host: number): PeerSettings => ({
          ...calm,
          name,
          bindAddr: `127.${120 + index}.${k}.${host}`,
          bindPort: 7946,
          ...(secretKey !== undefined && { secretKey }),
          // Long enough for compression to be worthwhile.
          meta: Buffer.from(`meta of ${name} `.repeat(20)).toString('base64'),
          localState: Buffer.from(`state of ${name}`).toString('base64'),
          ackPayload: Buffer.from(`ack of ${name}`).toString('base64'),
        });
        const ours = new OurNode(settings('ours', 1));
        const theirs = goNode(grafanaFork, {
          ...settings('theirs', 2),
          compressionAlgorithm: algorithm,
        });
        const other = goNode(grafanaFork, {
          ...settings('other', 3),
          compressionAlgorithm: algorithm,
        });
        const all = [ours, theirs, other];
        await withPeers(all, async () => {
          await theirs.join(ours);
          await ours.join(other);
          for (const peer of all) await peer.untilListed(all);
          await bothWays(ours, theirs);
          const large = Buffer.from('a large message that repeats itself; '.repeat(50_000));
          await theirs.send(ours, large, 'reliable');
          await ours.untilBytes('message', large);
          await killAll(all);
          assertNoErrors(all);
        });
      });
    }
  }
});
