/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A scenario: the nodes, their configuration, the faults of the network, and the steps with their times. Plain data, so
// that it can be printed, replayed and made smaller.

import type { LinkOptions } from '../../../src/testing/index.js';
import type { ToolkitPlans } from './toolkit.js';

/** A step at one time. A step whose node does not exist, or is not in the required state, is skipped. */
export type Step = { readonly at: number } & (
  | { readonly do: 'crash'; readonly node: string; readonly silent: boolean }
  | { readonly do: 'leave'; readonly node: string }
  /** The node leaves, and joins again without a restart. */
  | { readonly do: 'return'; readonly node: string }
  | {
      readonly do: 'restart';
      readonly node: string;
      readonly name?: string;
      readonly moved: boolean;
    }
  | { readonly do: 'add'; readonly node: string; readonly name?: string }
  | { readonly do: 'freeze' | 'block' | 'jump'; readonly node: string; readonly ms: number }
  | {
      readonly do: 'partition';
      readonly groups: readonly (readonly string[])[];
      readonly oneWay: boolean;
    }
  | { readonly do: 'heal' }
  | { readonly do: 'link'; readonly from: string; readonly to: string; readonly loss: number }
  | { readonly do: 'breakStreams'; readonly node: string }
  | { readonly do: 'update'; readonly node: string; readonly meta: string }
  /** A phase of a key rotation: installed on all, used by some, used by all, earlier keys removed. */
  | { readonly do: 'key'; readonly phase: KeyPhase }
  /** A node receives a false claim about another one: that it is dead, or suspect. */
  | { readonly do: 'slander'; readonly node: string; readonly to: string; readonly dead: boolean }
  /** A node receives claims about members that do not exist. */
  | ({ readonly do: 'forge' } & Forgery)
  /** A node of another cluster starts at the address of a node that has ended. */
  | { readonly do: 'take'; readonly of: string }
);

/** Claims about members that do not exist. */
export interface Forgery {
  /** The receiver. */
  readonly to: string;
  readonly count: number;
  /** All at one silent address (`one`), at a silent address each (`each`), or at the address of a node. */
  readonly where: string;
  /** As a push/pull has it: 0 alive, 1 suspect, 2 dead, 3 left. */
  readonly state: number;
  /** The length to which names are padded, in bytes. */
  readonly nameBytes: number;
  /** By a push/pull, or by a packet each. */
  readonly byStream: boolean;
}

export const keyPhases = ['add', 'useSome', 'useAll', 'remove'] as const;
export type KeyPhase = (typeof keyPhases)[number];

/** The settings that all nodes have. */
export interface Settings {
  readonly probeInterval: number;
  readonly probeTimeout: number;
  readonly gossipInterval: number;
  readonly pushPullInterval: number;
  readonly suspicionMult: number;
  readonly indirectChecks: number;
  readonly retransmitMult: number;
  readonly gossipToTheDeadTime: number;
  readonly deadNodeReclaimTime: number;
  readonly tcpTimeout: number;
  readonly udpBufferSize: number;
  readonly enableCompression: boolean;
  readonly disableTcpPings: boolean;
  readonly settleAfterJoin: boolean;
  readonly label: string;
}

/** The extensions of a scenario. */
export interface ExtensionPlan {
  /** By name the share of nodes that runs each. `n0` and `n2` run all of them, `n1` runs none. */
  readonly shares: Readonly<Record<string, number>>;
  /** Mean time between two actions of one extension, in milliseconds. */
  readonly intervalMs: number;
  /** The share of calls of hooks, listeners and timers in which the extension throws or rejects. */
  readonly throws: number;
}

/** A scenario. */
export interface Scenario {
  readonly seed: number;
  /** `n0`, `n1` … */
  readonly nodes: number;
  readonly settings: Settings;
  readonly encrypted: boolean;
  readonly isCalm: boolean;
  /** Nodes try to reconnect to failed members, and the campaign joins no node again. */
  readonly rejoins?: boolean;
  /** Hundreds of forged members, and a crash that must be found in a bounded time all the same. */
  readonly crowded?: boolean;
  /** Members per slice of a long exchange, and the duration of a turn of the event loop in milliseconds. */
  readonly slices?: { readonly records: number; readonly turnMs: number };
  /** What runs on a part of the nodes on top of membership; undefined in half of the scenarios. */
  readonly extensions?: ExtensionPlan;
  /** What else runs on top of membership, each part drawn by itself; undefined without any. */
  readonly toolkit?: ToolkitPlans;
  /** The faults of the whole network, until it is healed. */
  readonly network: LinkOptions;
  readonly steps: readonly Step[];
  /** When the faults end. */
  readonly healAt: number;
}
