/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the page may take of its process. It is a guest there: gossip needs descriptors, memory and turns of
// the event loop, and a member that answers pings late is suspected.

/** The bounds of the page's server. docs/LIMITS.md explains them. */
export const pageLimits = {
  /** Connections at once. The descriptors of a process are for gossip; it has 1,024 at least. */
  connections: 64,
  /** Those of them that may watch events. */
  viewers: 32,
  /** Connections that wait to be accepted; the system's queue. */
  backlog: 64,
  /** The head of a request, in bytes. */
  headBytes: 8 * 1024,
  /** What a client may send after the head; it is read and thrown away. */
  surplusBytes: 128 * 1024,
  /** From the connection to the end of the head, in milliseconds. */
  headMs: 5_000,
  /** From the head to the last byte of the answer that is taken, in milliseconds. */
  answerMs: 30_000,
  /** Answers that are begun in one turn of the event loop. */
  answersATurn: 4,
  /** Different bodies that wait to be taken, in bytes. */
  bodyBytes: 64 * 1024 * 1024,
  /** What may wait for a viewer that does not read, in bytes; past it, it is cut off. */
  viewerBytes: 4 * 1024 * 1024,
  /** Members that are written in one turn of the event loop. */
  membersATurn: 250,
  /** A body is made again after a pause of so many times what making it took. */
  pauseFactor: 10,
  /** Between two messages to viewers about what happened, in milliseconds. */
  eventsMs: 100,
  /** Between two heartbeats to viewers, in milliseconds. */
  heartbeatMs: 1_000,
  /** Round trips in one heartbeat. */
  probesAHeartbeat: 100,
  /** Members in the table of the page; those with problems come first, all are in /members.json. */
  membersShown: 2_000,
  /** A member that failed stays in the table of the page for so long, in milliseconds. */
  failedMs: 3_600_000,
  /** A member is flapping until it did not fail for so long, in milliseconds; as for the event. */
  flappingMs: 600_000,
} as const;
