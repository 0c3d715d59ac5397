/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Bounds on what a node holds, sends and accepts for the bus, whatever peers claim.

const KiB = 1024;
const MiB = 1024 * KiB;

/** Each of these is described in docs/LIMITS.md. */
export const busLimits = Object.freeze({
  /** A topic, in bytes of UTF-8. */
  topicBytes: 256,
  /** The largest `maxMessageBytes`: as much as fits into a stream with its header. */
  messageBytes: 16 * MiB,
  /** A frame of a packet or stream may hold this many messages. */
  recordsPerFrame: 65_536,
  /** Publishers in one digest. */
  digestEntries: 1_024,
  /** Ranges in one fetch. */
  fetchRanges: 32,
  /** Messages in one fetch. */
  fetchMessages: 4_096,
  /** Bytes of the answer to one fetch; the requester asks again for the rest. */
  answerBytes: 256 * KiB,
  /** Packets of one answer; a larger answer is sent over a stream. */
  answerPackets: 16,
  /** Bytes that one peer can fetch at once … */
  answerBurstBytes: 8 * MiB,
  /** … and per second after that. */
  answerBytesPerSecond: 8 * MiB,
  /** Messages of one publisher that arrived before an earlier one. */
  earlyMessages: 8_192,
  /** Their bytes. */
  earlyBytes: 8 * MiB,
  /** How far ahead of the next message a message may be that another member relays. */
  relayWindow: 65_536,
  /** Bytes of messages that wait until their publisher answers the first contact. */
  pendingBytes: 1 * MiB,
  /** How many these are. */
  pendingMessages: 4_096,
  /** Boot ids of one name that messages wait for. */
  pendingBoots: 2,
  /** Publishers whose first contact is not answered yet. */
  pendingPublishers: 4_096,
  /** Incarnations of one name that have state: the current one, and those that ended recently. */
  bootsPerName: 4,
  /** Ended publishers of which only the last sequence number is kept. */
  tombstones: 1_000,
  /** Publishers with messages that another member offers to a node that lacks them: offers kept for each. */
  offers: 16,
  /** Bytes of messages that a node publishes and that are not handed to the network yet. */
  queueBytes: 8 * MiB,
  /** How many these are. */
  queueMessages: 65_536,
  /** Bytes that a node sends to each peer in one turn of the event loop. */
  turnBytes: 64 * KiB,
  /** How far a publisher is ahead of a member that it sends to directly and that keeps up. */
  windowBytes: 256 * KiB,
  /** After these bytes of a publisher a member acknowledges. */
  acknowledgeBytes: 64 * KiB,
  /** Large messages that are sent over streams at the same time. */
  streams: 16,
  /** Neighbors of a node in a large cluster. */
  neighbors: 48,
  /** Requests of one peer whose handlers run. */
  requestsPerPeer: 64,
  /** Requests of all peers whose handlers run. */
  requests: 1_024,
  /** Bytes of answers that are kept for a requester whose answer was lost. */
  answeredBytes: 8 * MiB,
  /** Requests of this node that are not finished. */
  ownRequests: 4_096,
  /** Bytes of one `messages()` iterator that the application has not read. */
  iteratorBytes: 16 * MiB,
  /** Topics, and members with gaps, that `stats()` lists. */
  statsEntries: 1_000,
});
