/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Keys of a live cluster of our nodes and Go's: rotation, and enabling encryption, while messages flow. No
// member is declared dead and no message is lost.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe } from 'node:test';
import { OurNode } from './peers/our-node.js';
import { assertNoErrors, calm, withPeers, type Peer, type PeerSettings } from './peers/peer.js';
import { goNode, goVersions, titleOf, type GoVersion } from './peers/programs.js';
import { scenario } from './results.js';

const ROUNDS_A_STEP = 2;

/** Sends reliable messages between all members. */
class Traffic {
  readonly #peers: readonly Peer[];
  #sent = 0;

  constructor(peers: readonly Peer[]) {
    this.#peers = peers;
  }

  /** One message from each member to each other member; resolves when all have arrived. */
  async round(): Promise<void> {
    const pairs = this.#peers.flatMap((from) =>
      this.#peers.filter((to) => to !== from).map((to) => [from, to] as const),
    );
    await Promise.all(
      pairs.map(async ([from, to]) => {
        const message = Buffer.from(`message ${++this.#sent} from ${from.name}`);
        await from.send(to, message, 'reliable');
        await to.untilBytes('message', message);
      }),
    );
  }
}

/** Sends messages without a pause while `work` runs; resolves when the last message has arrived. */
async function underTraffic(peers: readonly Peer[], work: () => Promise<void>): Promise<void> {
  const traffic = new Traffic(peers);
  const over = new AbortController();
  const going = (async () => {
    while (!over.signal.aborted) await traffic.round();
  })();
  try {
    await Promise.race([work(), going]);
  } finally {
    over.abort();
  }
  await going;
}

/** Applies a step to one node after the other, with traffic in between. */
async function stepByStep(peers: readonly Peer[], step: (peer: Peer) => Promise<void>) {
  for (const peer of peers) {
    await step(peer);
    const traffic = new Traffic(peers);
    for (let round = 0; round < ROUNDS_A_STEP; round++) await traffic.round();
    for (const each of peers) await each.untilListed(peers);
  }
}

function assertNoLeaves(peers: readonly Peer[]): void {
  for (const { name, events } of peers) {
    const gone = events.filter(({ event }) => event === 'leave');
    assert.deepEqual(gone, [], `${name} saw no leave`);
  }
}

function mixedCluster(
  version: GoVersion,
  settings: (name: string, host: number) => PeerSettings,
): Peer[] {
  return [
    new OurNode(settings('ours-1', 1)),
    goNode(version, settings('go-1', 2)),
    new OurNode(settings('ours-2', 3)),
    goNode(version, settings('go-2', 4)),
  ];
}

async function joinAll(peers: readonly Peer[]): Promise<void> {
  const [first, ...others] = peers;
  for (const peer of others) await peer.join(first as Peer);
  for (const peer of peers) await peer.untilListed(peers);
}

async function rotate(version: GoVersion, subnet: string): Promise<void> {
  const [oldKey, newKey] = [16, 32].map((bytes) => randomBytes(bytes).toString('base64')) as [
    string,
    string,
  ];
  const peers = mixedCluster(version, (name, host) => ({
    ...calm,
    name,
    bindAddr: `${subnet}.${host}`,
    bindPort: 7946,
    secretKey: oldKey,
  }));
  await withPeers(peers, async () => {
    await joinAll(peers);
    await underTraffic(peers, () => stepByStep(peers, (peer) => peer.addKey(newKey)));
    const reversed = [...peers].reverse();
    await underTraffic(peers, () => stepByStep(reversed, (peer) => peer.useKey(newKey)));
    // All traffic that was sealed with the old key has arrived: now the nodes may remove that key.
    await underTraffic(peers, () => stepByStep(peers, (peer) => peer.removeKey(oldKey)));
    assertNoLeaves(peers);
  });
  assertNoErrors(peers);
}

/** Encryption is being enabled: some nodes encrypt already, none requires it yet. */
async function enableEncryption(version: GoVersion, subnet: string): Promise<void> {
  const secretKey = randomBytes(32).toString('base64');
  const peers = mixedCluster(version, (name, host) => ({
    ...calm,
    name,
    bindAddr: `${subnet}.${host}`,
    bindPort: 7946,
    secretKey,
    gossipVerifyIncoming: false,
    gossipVerifyOutgoing: host > 2,
  }));
  await withPeers(peers, async () => {
    await joinAll(peers);
    await stepByStep(peers, (peer) => peer.setMeta(Buffer.from(`meta of ${peer.name}`)));
    assertNoLeaves(peers);
  });
  assertNoErrors(peers);
}

describe('keys of a live cluster', { concurrency: 4, timeout: 240_000 }, () => {
  for (const [index, version] of goVersions.entries()) {
    scenario(titleOf(version), 'key rotation under traffic: add, use, remove', () =>
      rotate(version, `127.90.${index}`),
    );
    scenario(
      titleOf(version),
      'enabling encryption: nodes that encrypt with nodes that do not',
      () => enableEncryption(version, `127.91.${index}`),
    );
  }
});
