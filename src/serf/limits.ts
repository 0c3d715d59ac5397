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
  /** MessagePack values in one message or state. */
  values: 524_288,
  /** The longest message other than a state, in bytes. */
  messageBytes: 65_536,
  /** Filters of one query. */
  filters: 32,
  /** Steps that the filters of one query may take: one for each character and place in the expression. */
  filterSteps: 100_000,
  /** The longest query and the longest response, in bytes, as in Serf (QuerySizeLimit, QueryResponseSizeLimit). */
  queryMessageBytes: 1024,
  /** A query response that is relayed through this node, with its header, as in Serf. */
  relayBytes: 1024,
  /** Query responses that this node relays, or sends through relays, in a second. */
  relaysPerSecond: 64,
  /** Acks and responses of this node in a second. */
  answersPerSecond: 512,
  /** Queries of this node that are waiting for responses. */
  runningQueries: 128,
  /** Queries of peers that the application's handlers are working on. */
  pendingAnswers: 256,
  /** Keys that key queries can install. */
  keys: 64,
  /** Members that failed or left, and are remembered until they are reaped. */
  goneMembers: 8192,
  /** Members whose intent arrived before the member itself. */
  earlyIntents: 1024,
  /** The longest name of such a member, in bytes. */
  nameBytes: 256,
  /** User events, and changes of members, that wait to be coalesced. */
  coalescedEvents: 4096,
});
