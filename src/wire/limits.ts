/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Every bound on what is received or sent, in one place. They keep a hostile or broken peer from
// taking our memory, our time or our stack; honest peers do not come near them.

const KiB = 1024;
const MiB = 1024 * KiB;

/** The bounds that a node keeps. Sizes are bytes. */
export const limits = {
  /** Metadata of a node, as in Go memberlist: it must fit into a packet beside the name. */
  metaBytes: 512,
  /** Names up to this are let in whatever our packets hold: DNS has no longer ones than 253. */
  nameBytes: 256,
  /** A label: its length travels in one byte. */
  labelBytes: 255,
  /** An encrypted stream payload, or the user state of a push/pull, as in Go memberlist. */
  stateBytes: 20 * MiB,
  /** Nodes in one push/pull. Memory is never set aside by the header's count alone. */
  pushPullNodes: 1_048_576,
  /** One node in a push/pull, at least: the shortest that says anything has 28, Go's have 59. */
  recordBytes: 16,
  /** What a node of a push/pull costs its sender on the wire, at least: honest ones, compressed, 5. */
  recordWireBytes: 4,
  /** One user message on a stream, as in Go memberlist. */
  userStreamBytes: 20 * MiB,
  /** A stream message after decompression: twice the compressed bound, so that a bomb stays small. */
  decompressedStreamBytes: 40 * MiB,
  /** A packet after decompression: a datagram holds 64 KiB at most, and twice that is generous. */
  decompressedPacketBytes: 128 * KiB,
  /** Streams that others have open to us. An exchange takes milliseconds, an idle peer the deadline. */
  streams: 1024,
  /** The same from one source: an IPv4 address, or 64 bits of IPv6. A join wave behind NAT is less. */
  streamsPerSource: 256,
  /** Push/pull exchanges at once, as in Go memberlist: each may hold a whole cluster's state. */
  pushPullExchanges: 128,
  /** What all streams may hold in memory, those that we open too; it is reserved before it is allocated. */
  heldBytes: 256 * MiB,
  /** Sealed error replies on streams that no key opened: so many at once. */
  strangerErrors: 6,
  /** Milliseconds until one more of them may be sent. */
  strangerErrorMs: 10_000,
  /** Messages that we send to one peer over streams at a time; more wait. Far below its `streamsPerSource`. */
  sendsPerPeer: 32,
  /** The same to all peers together: each takes a file descriptor. */
  sends: 256,
  /** Messages that wait to be sent over streams. */
  waitingSends: 16_384,
  /** Their bytes: a dozen of the largest, or all of them with 16 KiB each. */
  waitingSendBytes: 256 * MiB,
  /** Inbound messages that wait for their turn, by priority; past it they are dropped and counted. */
  handoffQueueDepth: 1024,
  /** Broadcasts that wait to be gossiped: more than one for each member of the largest clusters. */
  queuedBroadcasts: 65_536,
  /** Bytes of those broadcasts: 27,000 claims with all the metadata that there may be. */
  queuedBroadcastBytes: 16 * MiB,
  /** Messages of `Memberlist.broadcast` that wait until those before them are sent; past it the oldest are dropped. */
  userBroadcasts: 16_384,
  /** Bytes of those messages. */
  userBroadcastBytes: 16 * MiB,
  /** Members that have packets of broadcasts and have not acknowledged them yet, at once. */
  userBroadcastsUnanswered: 32,
  /** How often a member is sent a broadcast that it does not acknowledge. */
  userBroadcastAttempts: 3,
  /** The name of the sender in a message of an extension. */
  extensionSenderBytes: 64 * KiB,
  /** Broadcasts of one extension that wait to be gossiped; past it the most sent, then the oldest, are dropped. */
  extensionBroadcasts: 4_096,
  /** Bytes of those broadcasts. */
  extensionBroadcastBytes: 4 * MiB,
  /** Pings of one packet that are answered: Go and we send one. Each more is one packet more for one that came. */
  pingsPerPacket: 1,
  /** The same for indirect pings: each is answered with a ping to somebody, and an ack or a nack. */
  indirectPingsPerPacket: 1,
  /** Parts of a compound message: their number travels in one byte. */
  compoundParts: 255,
  /** One part of a compound message: its length travels in two bytes. */
  compoundPartBytes: 65_535,
  /** A datagram: what UDP over IPv4 can carry (65,535 less 20 for IP and 8 for UDP). */
  packetBytes: 65_507,
  /** MessagePack values within values: our messages nest 3 deep, and more would eat the stack. */
  msgpackDepth: 32,
  /** MessagePack values in one body: ours have a dozen; bytes may come as arrays of integers. */
  msgpackElements: 4096,
  /** Members that are taken for real because a packet came from their address, at least: sources can be forged. */
  unconfirmedMembers: 64,
  /** Members in the table, a default: with names and metadata of full length they take some 200 MiB. */
  maxMembers: 100_000,
  /** Failed members that are looked for (`rejoin`): reaching one of a lost side is enough. */
  reconnectCandidates: 4096,
  /** Names that `forget` was called with, kept until `forgetAfter`. */
  forgottenNames: 4096,
  /** Members whose failures are counted, the last to fail: names can be invented. */
  flappingNames: 1024,
  /** Probes in a row that could not be sent after which the fault is ours, in a cluster with as many members or more. */
  failedSendsOfAPass: 32,
  /** Addresses that are kept because a second name was claimed at them; names can be invented. */
  contestedAddresses: 1024,
  /** Members that wait for a probe before their turn because a second name was claimed at their address. */
  contestedMembers: 64,
  /** Rows of the member table that are searched for such members before one probe. */
  contestedSearch: 16_384,
  /** Addresses at which our own name was claimed that are asked, before a leave, whether a node has it. */
  ownNameClaims: 8,
  /** Peers that are remembered because the last push/pull with them failed. */
  failingExchanges: 1024,
  /** Members in a snapshot file: a restarted node needs one that answers. */
  snapshotMembers: 256,
  /** A member's name in a snapshot file; who has a longer one is left out. */
  snapshotNameCharacters: 512,
  /** A snapshot file that is read: more cannot have been written by us. */
  snapshotBytes: 1 * MiB,
  /** A log line that others can bring about is written once per reason in this time (milliseconds). */
  logWindowMs: 10_000,
  /** A line about a condition that lasts (UDP blocked, …) is written once for each peer in this time. */
  logLastingWindowMs: 600_000,
  /** Peers that such lines are told apart by; past them, all others share one line. */
  logPeers: 16,
  /** Lines about members (joined, failed, …), of each kind, in that time: real clusters are busy. */
  logLinesAboutMembers: 100,
  /** Lines that all nodes of a process write to stderr in that time, where there is no logger. */
  logStderrLines: 20,
  /** Foreign labels that are each told once: more of them are no misconfiguration but an attack. */
  logForeignLabels: 8,
  /** Characters of one log line, and of each text in its fields; peers choose names and errors in it. */
  logLineCharacters: 1_000,
  /** Characters of each text in the JSON of the command line and its page: metadata in base64 has 684. */
  jsonTextCharacters: 2_048,
  /** The oldest protocol version that we understand. */
  protocolMin: 1,
  /** The newest protocol version that we understand. */
  protocolMax: 5,
} as const;
