/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All operations of two nodes, in both directions; used by each combination of settings.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Peer, PeerEvent } from './peers/peer.js';

/**
 * Exchanges messages, a broadcast, metadata, pings, local state and acks with payload between two nodes, in
 * both directions. Their local state must be `state of <name>`, the payload of their acks `ack of <name>`.
 */
export async function bothWays(ours: Peer, theirs: Peer): Promise<void> {
  for (const [from, to] of [
    [ours, theirs],
    [theirs, ours],
  ] as const) {
    const best = Buffer.from(`best effort from ${from.name}`);
    const reliable = randomBytes(40_000);
    const broadcast = Buffer.from(`broadcast by ${from.name}`);
    const meta = randomBytes(100);
    await from.send(to, best, 'best effort');
    await from.send(to, reliable, 'reliable');
    await from.broadcast(broadcast);
    await from.setMeta(meta);
    await to.untilBytes('message', best);
    await to.untilBytes('message', reliable);
    await to.untilBytes('message', broadcast);
    const isUpdate = (event: PeerEvent): boolean =>
      event.event === 'update' &&
      event.node.name === from.name &&
      event.node.meta === meta.toString('base64');
    await to.until(`the new metadata of ${from.name}`, isUpdate);
    assert.ok((await from.ping(to)) < 1_000);
    await to.untilBytes('state', Buffer.from(`state of ${from.name}`));
    await to.untilBytes('ping', Buffer.from(`ack of ${from.name}`));
  }
}
