/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a simulated cluster and its nodes can be told to be.

import type { MemberlistConfig } from '../config/options.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { LinkOptions } from './links.js';

/** What the cluster does not give its nodes itself. */
export type SimulatedConfig = Omit<
  MemberlistConfig,
  'transport' | 'clock' | 'random' | 'bindAddr' | 'bindPort'
>;

/** What a cluster is like. */
export interface SimulatedClusterOptions {
  /** How many nodes there are at first: `n0`, `n1` … */
  readonly size: number;
  /** Decides everything that is left to chance; 0 by default. */
  readonly seed?: number | string | undefined;
  /**
   * The configuration of every node, or what makes one for each (delegates of its own, say); asked
   * again when a node restarts. Default: none, so that of `lanConfig()`, with `logger: false`.
   */
  readonly config?:
    SimulatedConfig | ((name: string, index: number) => SimulatedConfig) | undefined;
  /** What the network is like. Default: no faults, and a latency of 0.5 to 2 ms. */
  readonly network?: LinkOptions | undefined;
  /**
   * How long a turn of a node's event loop takes, in virtual milliseconds: what is done after it, such as the
   * next slice of a long exchange, waits so long. Default: 0.
   */
  readonly turnMs?: number | undefined;
  /** How many events `trace` remembers, `Infinity` for all; 10,000 by default. */
  readonly traceLength?: number | undefined;
}

/** How a node is added. */
export interface AddNodeOptions {
  /** Its settings beside those that all nodes have. */
  readonly config?: SimulatedConfig | undefined;
  /** `'ip:port'`, or `'new'`. By default the one that it had, or else the next free one. */
  readonly addr?: string | undefined;
  /** Whether it joins the others at once; by default it does once `joinAll` was called. */
  readonly join?: boolean | undefined;
}

/** How a node comes back. */
export interface RestartOptions extends AddNodeOptions {
  /** Another name than it had; the address stays the same unless another one is given. */
  readonly name?: string | undefined;
}

/** What a simulated cluster emits. */
export interface SimulatedClusterEvents {
  /**
   * Node `observer` was told of something, at the virtual time `now`. What a listener throws ends the
   * `run` that is under way with that error.
   */
  event: [observer: string, event: MembershipEvent];
}
