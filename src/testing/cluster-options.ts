/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The options of a simulated cluster and its nodes.

import type { MemberlistConfig } from '../config/options.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { LinkOptions } from './links.js';

/** The configuration that the cluster does not set itself. */
export type SimulatedConfig = Omit<
  MemberlistConfig,
  'transport' | 'clock' | 'random' | 'bindAddr' | 'bindPort'
>;

/** The options of a cluster. */
export interface SimulatedClusterOptions {
  /** The initial number of nodes: `n0`, `n1` … */
  readonly size: number;
  /** Determines everything random; default: 0. */
  readonly seed?: number | string | undefined;
  /**
   * The configuration of every node, or a function that creates one per node (for example with its own
   * delegate), which is called again when a node restarts. Default: `lanConfig()` with `logger: false`.
   */
  readonly config?:
    SimulatedConfig | ((name: string, index: number) => SimulatedConfig) | undefined;
  /** The properties of the network. Default: no faults, and a latency of 0.5 to 2 ms. */
  readonly network?: LinkOptions | undefined;
  /**
   * The duration of a turn of a node's event loop, in virtual milliseconds: work that is scheduled after the turn,
   * such as the next slice of a long exchange, waits this long. Default: 0.
   */
  readonly turnMs?: number | undefined;
  /** How many events `trace` keeps, `Infinity` for all; default: 10,000. */
  readonly traceLength?: number | undefined;
}

/** The options of an additional node. */
export interface AddNodeOptions {
  /** Its configuration, in addition to the cluster's. */
  readonly config?: SimulatedConfig | undefined;
  /** `'ip:port'`, or `'new'`. Default: its last address, or else the next unused one. */
  readonly addr?: string | undefined;
  /** Whether it joins immediately. Default: whether `joinAll` was called. */
  readonly join?: boolean | undefined;
}

/** The options of a restart. */
export interface RestartOptions extends AddNodeOptions {
  /** Another name; the address stays the same unless another one is given. */
  readonly name?: string | undefined;
}

/** The events of a simulated cluster. */
export interface SimulatedClusterEvents {
  /**
   * Node `observer` was notified of an event, at the virtual time `now`. An error of a listener rejects the
   * current `run`.
   */
  event: [observer: string, event: MembershipEvent];
}
