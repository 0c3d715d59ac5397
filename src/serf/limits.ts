/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Bounds on what peers can make the Serf extension hold or send.

const MiB = 1024 * 1024;

/** Each of these is described in docs/LIMITS.md. */
export const serfLimits = Object.freeze({
  /** Messages that wait to be gossiped, of each kind, as in Serf (MaxQueueDepth). */
  queueDepth: 4096,
  /** What is remembered of the user events of the last 512 Lamport times, in bytes. */
  eventBytes: 2 * MiB,
  /** The same for queries. */
  queryBytes: 1 * MiB,
  /** A query response that is relayed through this node, with its header, as in Serf. */
  relayBytes: 1024,
  /** Query responses that this node relays in a second. */
  relaysPerSecond: 64,
  /** Members whose intent arrived before the member itself. */
  earlyIntents: 1024,
  /** The longest name of such a member, in bytes. */
  nameBytes: 256,
});
