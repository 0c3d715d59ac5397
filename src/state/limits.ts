/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Bounds on what peers can make the shared state hold, send or do.

const KiB = 1024;
const MiB = 1024 * KiB;

/** Each of these is described in docs/LIMITS.md. */
export const stateLimits = Object.freeze({
  /** Default of `maxBytesPerNode`: the keys and values of one node, with `entryBytes` for each entry. Peers may have twice that. */
  bytesPerNode: 256 * KiB,
  /** Default of `maxBytes`: the maps of all nodes together. */
  bytes: 64 * MiB,
  /** What an entry counts in addition to its key and value: about the memory that it takes. */
  entryBytes: 64,
  /** Default of `maxKeysPerNode`: the entries of one node, deleted ones included. */
  keysPerNode: 10_000,
  /** A key, in bytes of UTF-8. */
  keyBytes: 256,
  /** The longest time to live, in milliseconds: a year. */
  ttlMs: 366 * 86_400_000,
  /** How far in the future a boot id may be, in milliseconds. */
  bootAheadMs: 86_400_000,
  /** Members to which a node sends its writes directly; in larger clusters receivers forward them. */
  directPeers: 64,
  /** Packets with which a turn's writes are sent; what does not fit follows by reconciliation. */
  pushPackets: 16,
  /** Packets of digests that answer a hash: what does not fit follows in later rounds. */
  digestPackets: 4,
  /** Packets of entries that answer a digest; a stream is opened for more. */
  deltaPackets: 8,
  /** The largest `maxBytesPerNode`: a whole map fits into a message over a stream. */
  mostBytesPerNode: 2 * MiB,
  /** One message over a stream. */
  streamBytes: 4 * MiB,
  /** Maps that one digest names. */
  digestEntries: 65_536,
  /** Streams that a node has open to send state, at a time. */
  streams: 8,
  /** Milliseconds between the end of a stream to a peer and the start of the next one. */
  streamPauseMs: 50,
  /** Packets that answer one peer at once. */
  answerBurst: 128,
  /** Packets that answer one peer, per second, after that. */
  answersPerSecond: 64,
  /** Changes of one map that wait for earlier ones. */
  heldPerMap: 16,
  /** Bytes of all changes that wait for earlier ones. */
  heldBytes: 4 * MiB,
  /** Milliseconds until the same map is asked for again. */
  askAgainMs: 50,
  /** Milliseconds between rounds of reconciliation after a change. */
  fastIntervalMs: 100,
  /** For how many milliseconds after a change the rounds have that interval. */
  fastForMs: 3_000,
  /** Milliseconds until a node takes a new boot id again because of what a peer claims; doubled each time. */
  healMs: 1_000,
  /** The longest of these pauses, in milliseconds. */
  healMostMs: 60_000,
  /** For how many milliseconds a map is refused that exceeds the limit of all maps together. */
  refusedMs: 60_000,
  /** Lines of one code in the log, per 10 seconds: peers can cause them. */
  logLines: 4,
});
