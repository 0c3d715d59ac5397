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
  /** A label: its length travels in one byte. */
  labelBytes: 255,
  /** An encrypted stream payload, or the user state of a push/pull, as in Go memberlist. */
  stateBytes: 20 * MiB,
  /** Nodes in one push/pull. Memory is never set aside by the header's count alone. */
  pushPullNodes: 1_048_576,
  /** One user message on a stream, as in Go memberlist. */
  userStreamBytes: 20 * MiB,
  /** A stream message after decompression: twice the compressed bound, so that a bomb stays small. */
  decompressedStreamBytes: 40 * MiB,
  /** A packet after decompression: a datagram holds 64 KiB at most, and 4 times that is generous. */
  decompressedPacketBytes: 256 * KiB,
  /** Push/pull exchanges at once, as in Go memberlist: each may hold a whole cluster's state. */
  pushPullExchanges: 128,
  /** Inbound messages that wait for their turn, by priority; past it they are dropped and counted. */
  handoffQueueDepth: 1024,
  /** Parts of a compound message: their number travels in one byte. */
  compoundParts: 255,
  /** One part of a compound message: its length travels in two bytes. */
  compoundPartBytes: 65_535,
  /** A datagram: what UDP over IPv4 can carry (65,535 less 20 for IP and 8 for UDP). */
  packetBytes: 65_507,
  /** Messages within messages: compress, compound, message. Nothing legitimate nests deeper. */
  packetNesting: 3,
  /** MessagePack values within values: our messages nest 3 deep, and more would eat the stack. */
  msgpackDepth: 32,
  /** MessagePack values in one body: ours have a dozen; bytes may come as arrays of integers. */
  msgpackElements: 4096,
  /** The oldest protocol version that we understand. */
  protocolMin: 1,
  /** The newest protocol version that we understand. */
  protocolMax: 5,
} as const;
