/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a user may plug in. All methods are synchronous and none may block: they run inside the
// protocol. One that throws is caught, counted and logged, unless throwing is how it refuses.
import type { Node } from './core/member.js';
import type { Address } from './wire/address.js';

/** Carries the user's own data on the gossip: metadata, messages and state. */
export interface Delegate {
  /**
   * The metadata that all others see as `meta` of our node. Asked at `create` and by `updateNode`.
   * Empty without this method.
   *
   * @param limit - the most bytes that fit (512); with more, `create` or `updateNode` rejects with
   *   a `MessageTooLargeError`
   */
  nodeMeta?(limit: number): Uint8Array;

  /**
   * A user message arrived, by packet or by stream, addressed to us or gossiped.
   *
   * @param message - its bytes; the library does not touch them again
   * @param from - where it came from; `name` is set where the sender is known
   */
  notifyMsg?(message: Buffer, from: Address): void;

  /**
   * User messages to gossip, asked whenever a packet has room left after our own messages. A
   * `TransmitLimitedQueue` has a method of this shape. What is more than fits is dropped.
   *
   * @param overhead - bytes that each message costs beyond its own length
   * @param limit - bytes that are left: the sum of all lengths and overheads must not exceed it
   */
  getBroadcasts?(overhead: number, limit: number): Uint8Array[];

  /**
   * The user's state, sent to the other node of a push/pull; at most 20 MiB. May be large, as it
   * travels over a stream. `mergeRemoteState` of the other side receives it.
   *
   * @param join - whether this exchange is part of a join rather than a periodic one
   */
  localState?(join: boolean): Uint8Array;

  /**
   * The other node's state, after its members were merged. Not called for an empty state.
   *
   * @param state - what `localState` of the other side returned
   * @param join - whether this exchange is part of a join rather than a periodic one
   */
  mergeRemoteState?(state: Buffer, join: boolean): void;
}

/** Is told of changes in the membership. The events of the Memberlist say the same and more. */
export interface EventDelegate {
  /** A node is alive that was not known, or was dead or had left. */
  notifyJoin?(n: Node): void;
  /**
   * A node is gone.
   *
   * @param reason - `'left'` when it said so itself, `'failed'` when others found it dead
   */
  notifyLeave?(n: Node, reason: 'left' | 'failed'): void;
  /** The metadata of a living node changed. */
  notifyUpdate?(n: Node): void;
}

/** Is told when two nodes use the same name. */
export interface ConflictDelegate {
  /**
   * Somebody claims a known name under another address. The claim is ignored; what we hold stays. When the name
   * is our own, and the other node is to keep it, call `shutdown`; as Serf does, without a `leave`, which would
   * be about both.
   *
   * @param existing - the node as we know it
   * @param other - the node as it is claimed to be
   */
  notifyConflict(existing: Node, other: Node): void;
}

/** Has a say before two clusters become one. */
export interface MergeDelegate {
  /**
   * Asked in a join, on both sides, before the other side's members are merged. **Throw to
   * refuse**: nothing is merged then, and the joining side's `join` fails with the error's text.
   *
   * @param peers - the other side's members
   */
  notifyMerge(peers: Node[]): void;
}

/** Has a say in who may be a member. */
export interface AliveDelegate {
  /**
   * Asked for every claim that comes from the network and says that a node is alive. **Throw to refuse**: the
   * claim is ignored and counted.
   */
  notifyAlive(peer: Node): void;
}

/** Measures with the probes. */
export interface PingDelegate {
  /** Bytes to put into our acks. They share the packet with the gossip, so keep them short. */
  ackPayload?(): Uint8Array;
  /**
   * A probe was answered directly, by packet. (Indirect and stream answers measure something else
   * and are not reported.)
   *
   * @param other - the node that was probed
   * @param rtt - round trip in milliseconds, with fractions
   * @param payload - what its `ackPayload` returned; empty without one
   */
  notifyPingComplete?(other: Node, rtt: number, payload: Buffer): void;
}
