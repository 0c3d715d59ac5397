/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the core needs from the world, and all that it needs: a clock, a source of randomness and
// the effects. The simulator exchanges the first two and the transport; nothing else changes.
import type { Address } from '../wire/address.js';
import type { Member, Node } from './member.js';
import type { MembershipEvent } from './membership/events.js';
import type { Report } from './reports.js';

/** A timer that was set and can be taken back. */
export interface Timer {
  /** Takes the timer back. After it fired, or a second time, this does nothing. */
  cancel(): void;
}

/** A source of time. The system's by default; virtual in simulations. */
export interface Clock {
  /** Milliseconds since an arbitrary origin; monotonic, with fractions. */
  now(): number;
  /**
   * Calls back once, not before `delayMs` milliseconds have passed. A pending timer of the system's
   * clock does not keep the process alive by itself.
   */
  setTimer(delayMs: number, callback: () => void): Timer;
  /**
   * Calls back once the event loop has turned: after the sockets were read at least once more.
   */
  afterTurn(callback: () => void): Timer;
}

/** A source of randomness. `Math.random` by default; seeded in simulations. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** An independent stream: what is drawn from it changes nothing in this one. Without it, all draw from this one. */
  fork?(label: string): Random;
}

/**
 * What a send that failed at once says:
 *
 * - `refused`: the host of the target answered that nobody listens there; packets do get out.
 * - `unreachable`: there is no way to the target's host or network.
 * - `address`: the system does not send to this address (a firewall rule, the wrong family, a wrong size …).
 * - `resources`: the system has no room for a packet at the moment.
 * - `socket`: our socket is closed or not usable.
 */
export type SendFault = 'refused' | 'unreachable' | 'address' | 'resources' | 'socket';

/** Why a packet could not be sent. */
export interface SendFailure {
  readonly fault: SendFault;
  readonly error: Error;
}

/** What is asked of the shell's stream ping. */
export interface StreamPingRequest {
  readonly to: Address;
  readonly node: string;
  readonly seqNo: number;
  /** Clock time at which nobody waits for the answer any more. */
  readonly deadlineAt: number;
}

/** The core's door to the network and to the user. */
export interface Effects {
  /** Hands one encoded packet to the transport. `onFailure` is never called inside this call. */
  sendPacket(packet: Buffer, to: Address, onFailure?: (failure: SendFailure) => void): void;
  /** Pings over a stream; `done` is called at most once, asynchronously, by the deadline. */
  streamPing(request: StreamPingRequest, done: (answered: boolean) => void): void;
  /** Exchanges full state with a node over a stream, in the background. */
  pushPull(to: Address): void;

  /** Tells the user that a member joined, left, changed …; the state is whole when this is called. */
  notify(event: MembershipEvent): void;
  /** Something worth a log line or a metric happened. */
  report(report: Report): void;
  /** A round trip was measured by a probe. */
  pingCompleted(node: Node, roundTripMs: number, payload: Buffer): void;
  /** Whether this node is cut off: no packet can be sent, and no member answers. Told when it changes. */
  cutOff(isCutOff: boolean): void;
  /** A user message came in a packet. */
  userMessage(payload: Buffer, from: Address): void;

  /** The payload that the user's ping delegate puts into our acks; null without one. */
  ackPayload(): Uint8Array | null;
  /** Whether the user's delegate or an extension may have messages to gossip. */
  hasUserBroadcasts(): boolean;
  /** Messages of the user's delegate, and of the extensions that the receiver has: at most `limit` bytes with overhead. */
  userBroadcasts(to: Address, overhead: number, limit: number): readonly Uint8Array[];
  /** Members that this round of gossip goes to beside those that it goes to anyway. */
  gossipTargets(): Iterable<Member>;
  /** Whether an IP may belong to a member and talk to us (`cidrsAllowed`). */
  readonly allowsIp: (ip: string) => boolean;
  /** Asks the alive delegate; an Error is its refusal. Undefined: nobody objects. */
  objectionToAlive(peer: () => Node): Error | undefined;
}
