/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Every bound on received or sent data, in one place. The bounds protect our memory, time and stack against hostile
// or broken peers; honest peers stay far below them.

const KiB = 1024;
const MiB = 1024 * KiB;

/** The bounds of a node. Sizes are in bytes. */
export const limits = {
  /** Metadata of a node, as in Go memberlist: it must fit into a packet together with the name. */
  metaBytes: 512,
  /** Names up to this length are allowed whatever the size of our packets: DNS names have at most 253 bytes. */
  nameBytes: 256,
  /** A label: its length is one byte on the wire. */
  labelBytes: 255,
  /** An encrypted stream payload, or the user state of a push/pull, as in Go memberlist. */
  stateBytes: 20 * MiB,
  /** Nodes in one push/pull. No memory is allocated based on the header's count alone. */
  pushPullNodes: 1_048_576,
  /** Minimum size of one node in a push/pull: the shortest meaningful one has 28 bytes, Go's have 59. */
  recordBytes: 16,
  /** Minimum bytes on the wire per node of a push/pull: honest ones take 5, compressed. */
  recordWireBytes: 4,
  /** One user message on a stream, as in Go memberlist. */
  userStreamBytes: 20 * MiB,
  /** A stream message after decompression: twice the compressed bound, which limits decompression bombs. */
  decompressedStreamBytes: 40 * MiB,
  /** A packet after decompression: twice the maximum of a datagram, 64 KiB. */
  decompressedPacketBytes: 128 * KiB,
  /** Inbound streams that are open. An exchange takes milliseconds, an idle peer the whole deadline. */
  streams: 1024,
  /** The same from one source: an IPv4 address, or 64 bits of IPv6. A wave of joins behind NAT stays below it. */
  streamsPerSource: 256,
  /** Concurrent push/pull exchanges, as in Go memberlist: each may hold a whole cluster's state. */
  pushPullExchanges: 128,
  /** Memory that all streams may hold, including outbound ones; it is reserved before it is allocated. */
  heldBytes: 256 * MiB,
  /** Sealed error replies on streams that no key opened: the burst. */
  strangerErrors: 6,
  /** Milliseconds until one more of them may be sent. */
  strangerErrorMs: 10_000,
  /** Messages sent to one peer over streams at a time; more are queued. Far below the peer's `streamsPerSource`. */
  sendsPerPeer: 32,
  /** The same for all peers together: each takes a file descriptor. */
  sends: 256,
  /** Messages that are queued to be sent over streams. */
  waitingSends: 16_384,
  /** Their bytes: a dozen of the largest messages, or all of them with 16 KiB each. */
  waitingSendBytes: 256 * MiB,
  /** Queued inbound messages, per priority; more are dropped and counted. */
  handoffQueueDepth: 1024,
  /** Broadcasts queued for gossip: more than one for each member of the largest clusters. */
  queuedBroadcasts: 65_536,
  /** Bytes of those broadcasts: 27,000 claims with maximum metadata. */
  queuedBroadcastBytes: 16 * MiB,
  /**
   * Messages of `Memberlist.broadcast` that are queued until those before them are sent; beyond it the oldest are
   * dropped.
   */
  userBroadcasts: 16_384,
  /** Bytes of those messages. */
  userBroadcastBytes: 16 * MiB,
  /** Members that were sent packets of broadcasts and have not acknowledged them yet. */
  userBroadcastsUnanswered: 32,
  /** How often a broadcast is sent to a member that does not acknowledge it. */
  userBroadcastAttempts: 3,
  /** The name of the sender in a message of an extension. */
  extensionSenderBytes: 64 * KiB,
  /** Broadcasts of one extension queued for gossip; beyond it those sent most often, then the oldest, are dropped. */
  extensionBroadcasts: 4_096,
  /** Bytes of those broadcasts. */
  extensionBroadcastBytes: 4 * MiB,
  /**
   * Pings of one packet that are answered: Go memberlist and this library send one. Each additional one would cause
   * an additional packet.
   */
  pingsPerPacket: 1,
  /** The same for indirect pings: each causes a ping to the target, and an ack or a nack. */
  indirectPingsPerPacket: 1,
  /** Parts of a compound message: their number is one byte on the wire. */
  compoundParts: 255,
  /** One part of a compound message: its length is two bytes on the wire. */
  compoundPartBytes: 65_535,
  /** A datagram: the maximum of UDP over IPv4 (65,535 less 20 for IP and 8 for UDP). */
  packetBytes: 65_507,
  /** Nesting of MessagePack values: our messages nest 3 deep; deeper nesting would use up the stack. */
  msgpackDepth: 32,
  /** MessagePack values in one body: ours have a dozen; bytes may be encoded as arrays of integers. */
  msgpackElements: 4096,
  /**
   * Members that may count as verified only because a packet came from their address (at least): sources can be
   * forged.
   */
  unconfirmedMembers: 64,
  /** Default maximum of members in the table: with names and metadata of full length they take about 200 MiB. */
  maxMembers: 100_000,
  /** Failed members to reconnect to (`rejoin`): reaching one of another partition is enough. */
  reconnectCandidates: 4096,
  /** Names that `forget` was called with, kept until `forgetAfter`. */
  forgottenNames: 4096,
  /** Members whose failures are counted, the latest ones: names can be forged. */
  flappingNames: 1024,
  /**
   * Consecutive probes that could not be sent, after which this host is at fault, in a cluster with at least as many
   * members.
   */
  failedSendsOfAPass: 32,
  /** Addresses kept because a second name was claimed at them; names can be forged. */
  takeoverAddresses: 1024,
  /** Members queued for an early probe because a second name was claimed at their address. */
  takeoverMembers: 64,
  /** Rows of the member table that are searched for such members before one probe. */
  takeoverSearchRows: 16_384,
  /** Addresses at which our own name was claimed; before a leave they are asked whether a node has it. */
  ownNameClaims: 8,
  /** Peers that are tracked because the last push/pull with them failed. */
  failingExchanges: 1024,
  /** Members in a snapshot file: a restarted node needs one that answers. */
  snapshotMembers: 256,
  /** A member's name in a snapshot file; members with longer names are left out. */
  snapshotNameCharacters: 512,
  /** A snapshot file to be read: this library does not write longer ones. */
  snapshotBytes: 1 * MiB,
  /** A log line that peers can cause is written once per reason in this time (milliseconds). */
  logWindowMs: 10_000,
  /** A line about a lasting condition (UDP blocked, …) is written once per peer in this time. */
  logLastingWindowMs: 600_000,
  /** Peers that such lines distinguish; beyond it, all others share one line. */
  logPeers: 16,
  /** Lines about members (joined, failed, …), of each kind, in that time: real clusters are busy. */
  logLinesAboutMembers: 100,
  /** Lines that all nodes of a process write to stderr in that time, if there is no logger. */
  logStderrLines: 20,
  /** Foreign labels that are each reported once: more of them are an attack rather than a misconfiguration. */
  logForeignLabels: 8,
  /** Characters of one log line, and of each text in its fields; peers choose names and errors in it. */
  logLineCharacters: 1_000,
  /** Characters of each text in the JSON of the command line and its page: metadata in base64 has 684. */
  jsonTextCharacters: 2_048,
  /** The oldest protocol version that this library understands. */
  protocolMin: 1,
  /** The newest protocol version that this library understands. */
  protocolMax: 5,
} as const;
