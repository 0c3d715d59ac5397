/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The delegates that a user can provide. All methods are synchronous and must not block, because the protocol calls
// them. An exception is caught, counted and logged, except where throwing means refusing.
import type { Node } from './core/member.js';
import type { Address } from './wire/address.js';

/** Adds the user's own data to the protocol: metadata, messages and state. */
export interface Delegate {
  /**
   * Returns the metadata that other members see as `meta` of the local node. Called by `create` and
   * `updateNode`. Without this method the metadata is empty.
   *
   * @param limit - the maximum length in bytes (512); if the result is longer, `create` or
   *   `updateNode` rejects with a `MessageTooLargeError`
   */
  nodeMeta?(limit: number): Uint8Array;

  /**
   * Called for each user message that arrives, in a packet, on a stream or by gossip.
   *
   * @param message - the payload; the library does not use the buffer again
   * @param from - the address of the sender; `name` is set if the sender is known
   */
  notifyMsg?(message: Buffer, from: Address): void;

  /**
   * Returns user messages to gossip. Called whenever a packet has space left after the messages of the protocol. A
   * `TransmitLimitedQueue` has a method with this signature. Messages beyond `limit` are dropped.
   *
   * @param overhead - bytes that each message occupies in addition to its own length
   * @param limit - available bytes: the sum of all lengths and overheads must not exceed it
   */
  getBroadcasts?(overhead: number, limit: number): Uint8Array[];

  /**
   * Returns the user's state for the peer of a push/pull: at most 20 MiB, sent over a stream. The
   * peer receives it in `mergeRemoteState`.
   *
   * @param join - true if this exchange is part of a join, false if it is periodic
   */
  localState?(join: boolean): Uint8Array;

  /**
   * Receives the peer's state in a push/pull, after its members were merged. Not called for an empty state.
   *
   * @param state - the result of `localState` of the peer
   * @param join - true if this exchange is part of a join, false if it is periodic
   */
  mergeRemoteState?(state: Buffer, join: boolean): void;
}

/** Receives changes of the membership. The events of the Memberlist provide the same information and more. */
export interface EventDelegate {
  /** A node joined: it is alive, and was unknown, dead or left before. */
  notifyJoin?(n: Node): void;
  /**
   * A node left or failed.
   *
   * @param reason - `'left'` if it left gracefully, `'failed'` if it was declared dead
   */
  notifyLeave?(n: Node, reason: 'left' | 'failed'): void;
  /** The metadata of a live node changed. */
  notifyUpdate?(n: Node): void;
}

/** Receives name conflicts: two nodes use the same name. */
export interface ConflictDelegate {
  /**
   * A known name was claimed with another address. The claim is ignored, and the member table does not change. If the
   * name is that of the local node, and the other node should keep it, call `shutdown` without `leave`, as Serf does: a
   * leave would concern both nodes.
   *
   * @param existing - the node as this node knows it
   * @param other - the node as the claim describes it
   */
  notifyConflict(existing: Node, other: Node): void;
}

/** Decides whether two clusters may merge. */
export interface MergeDelegate {
  /**
   * Called in a join, on both sides, before the members of the peer are merged. **Throw to
   * refuse**: then nothing is merged, and `join` of the joining side fails with the error's message.
   *
   * @param peers - the members that the peer sent
   */
  notifyMerge(peers: Node[]): void;
}

/** Decides which nodes may be members. */
export interface AliveDelegate {
  /**
   * Called for every claim from the network that a node is alive. **Throw to refuse**: the claim is ignored and
   * counted.
   */
  notifyAlive(peer: Node): void;
}

/** Adds data to acks and receives round-trip times. */
export interface PingDelegate {
  /** Returns bytes to include in acks. They share the packet with gossip, so keep them short. */
  ackPayload?(): Uint8Array;
  /**
   * A probe was answered directly, in a packet. Indirect answers and answers over a stream are not reported, because
   * they do not measure the same path.
   *
   * @param other - the probed node
   * @param rtt - round-trip time in milliseconds, with fractions
   * @param payload - the result of its `ackPayload`; empty without one
   */
  notifyPingComplete?(other: Node, rtt: number, payload: Buffer): void;
}
