/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The resources that the page may use. It shares the process with the member: gossip needs file descriptors,
// memory and turns of the event loop, and a member that answers pings late is suspected.

/** The limits of the page's server. docs/LIMITS.md explains them. */
export const pageLimits = {
  /** Concurrent connections. The file descriptors of a process, at least 1,024, are for gossip. */
  connections: 64,
  /** Concurrent viewers of events among these connections. */
  viewers: 32,
  /** Connections that wait to be accepted, in the system's queue. */
  backlog: 64,
  /** The head of a request, in bytes. */
  headBytes: 8 * 1024,
  /** What a client may send after the head, in bytes; it is read and discarded. */
  surplusBytes: 128 * 1024,
  /** From the connection to the end of the request's head, in milliseconds. */
  headMs: 5_000,
  /** From the request's head until the client has read the response, in milliseconds. */
  responseMs: 30_000,
  /** Responses that are started in one turn of the event loop. */
  responsesPerTurn: 4,
  /** Different response bodies that wait to be sent, in bytes. */
  bodyBytes: 64 * 1024 * 1024,
  /** What may wait for a viewer that does not read, in bytes. Beyond it the viewer is disconnected. */
  viewerBytes: 4 * 1024 * 1024,
  /** Members that are serialized in one turn of the event loop. */
  membersPerTurn: 250,
  /** The pause before a value is created again, as a multiple of the time that its creation took. */
  pauseFactor: 10,
  /** Between two messages with events to viewers, in milliseconds. */
  eventsMs: 100,
  /** Between two heartbeats to viewers, in milliseconds. */
  heartbeatMs: 1_000,
  /** Round trips in one heartbeat. */
  probesPerHeartbeat: 100,
  /** Members in the table of the page. Members with problems come first; /members.json has all. */
  membersShown: 2_000,
  /** Topics of the message bus; those with the most messages. */
  topicsShown: 50,
  /** Publishers of the message bus; those with gaps first. */
  publishersShown: 50,
  /** Nodes of the shared state. */
  stateNodesShown: 100,
  /** Keys of one of these nodes. */
  stateKeysShown: 20,
  /** Keys of all these nodes. */
  stateValuesShown: 500,
  /** Characters of a key, and of a value. */
  valueCharacters: 200,
  /** How long a failed member stays in the table of the page, in milliseconds. */
  failedMs: 3_600_000,
  /** How long after its last failure a member counts as flapping, in milliseconds; as for the event. */
  flappingMs: 600_000,
} as const;
