/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Everything that the core needs from its environment: a clock, a source of randomness, and effects. The simulator
// replaces the first two and the transport, and nothing else.
import type { Address } from '../wire/address.js';
import type { Member, Node } from './member.js';
import type { MembershipEvent } from './membership/events.js';
import type { Report } from './reports.js';

/** A pending timer that can be canceled. */
export interface Timer {
  /** Cancels the timer. Does nothing after it fired, or when called again. */
  cancel(): void;
}

/** A source of time. The system clock by default; virtual in simulations. */
export interface Clock {
  /** Milliseconds since an arbitrary origin; monotonic, with fractions. */
  now(): number;
  /**
   * Milliseconds since 1970 by the system's clock, which may be wrong and go back. Extensions order the runs of a node
   * by it. Without it they use `now()`.
   */
  wallNow?(): number;
  /**
   * Calls back once, not before `delayMs` milliseconds have passed. A pending timer of the system clock does not keep
   * the process alive.
   */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls back after the event loop has turned: after the sockets were read at least once more. */
  afterTurn(callback: () => void): Timer;
}

/** A source of randomness. `Math.random` by default; seeded in simulations. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /**
   * Creates an independent stream: draws from it do not change this one. Without `fork`, all callers draw from this
   * stream.
   */
  fork?(label: string): Random;
}

/**
 * Why a send failed immediately:
 *
 * - `refused`: the target's host answered that no process listens on that port; packets do leave this host.
 * - `unreachable`: there is no route to the target's host or network.
 * - `address`: the system does not send to this address (a firewall rule, the wrong family, a wrong size …).
 * - `resources`: the system has no room for a packet at the moment.
 * - `socket`: our socket is closed or unusable.
 */
export type SendFault = 'refused' | 'unreachable' | 'address' | 'resources' | 'socket';

/** Why a packet could not be sent. */
export interface SendFailure {
  readonly fault: SendFault;
  readonly error: Error;
}

/** A request for a ping over a stream. */
export interface StreamPingRequest {
  readonly to: Address;
  readonly node: string;
  readonly seqNo: number;
  /** Clock time after which the answer is no longer used. */
  readonly deadlineAt: number;
}

/** The core's interface to the network and to the user. */
export interface Effects {
  /** Passes one encoded packet to the transport. `onFailure` is never called synchronously. */
  sendPacket(packet: Buffer, to: Address, onFailure?: (failure: SendFailure) => void): void;
  /** Pings over a stream; `done` is called at most once, asynchronously, by the deadline. */
  streamPing(request: StreamPingRequest, done: (answered: boolean) => void): void;
  /** Exchanges full state with a node over a stream, in the background. */
  pushPull(to: Address): void;

  /** Notifies the user that a member joined, left, changed …; the state is consistent when this is called. */
  notify(event: MembershipEvent): void;
  /** Reports something that deserves a log line or a metric. */
  report(report: Report): void;
  /** A probe measured a round trip. */
  pingCompleted(node: Node, roundTripMs: number, payload: Buffer): void;
  /** Whether this node is isolated: it cannot send packets, and no member answers. Called on each change. */
  isolationChanged(isIsolated: boolean): void;
  /** A user message arrived in a packet. */
  userMessage(payload: Buffer, from: Address): void;

  /** The payload that the user's ping delegate adds to our acks; null without a delegate. */
  ackPayload(): Uint8Array | null;
  /** Whether the user's delegate or an extension may have messages to gossip. */
  hasUserBroadcasts(): boolean;
  /**
   * Messages of the user's delegate, and of the extensions that the receiver runs: at most `limit` bytes, `overhead`
   * bytes for each message included.
   */
  userBroadcasts(to: Address, overhead: number, limit: number): readonly Uint8Array[];
  /** Members that this round of gossip is sent to in addition to the random ones. */
  gossipTargets(): Iterable<Member>;
  /** Whether an IP may belong to a member and communicate with us (`cidrsAllowed`). */
  readonly allowsIp: (ip: string) => boolean;
  /** Asks the alive delegate. An Error is its refusal; undefined means accepted. */
  objectionToAlive(peer: () => Node): Error | undefined;
}
