/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a scenario is: the nodes, how they are configured, what is wrong with the network, and what
// happens when. Plain data, so that it can be printed, replayed and made smaller.

import type { LinkOptions } from '../../../src/testing/index.js';

/** What happens at one moment. A step whose node is not there, or not in that state, is passed over. */
export type Step = { readonly at: number } & (
  | { readonly do: 'crash'; readonly node: string; readonly silent: boolean }
  | { readonly do: 'leave'; readonly node: string }
  /** It leaves, and comes back without having ended. */
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
  /** The next key, as operators rotate it: known to all, used by some, used by all, the only one. */
  | { readonly do: 'key'; readonly phase: KeyPhase }
  /** Somebody is told a lie about a node: that it is dead, or does not answer. */
  | { readonly do: 'slander'; readonly node: string; readonly to: string; readonly dead: boolean }
  /** A node is told of members that do not exist. */
  | ({ readonly do: 'forge' } & Forgery)
  /** A node of another cluster starts at the address of a node that has ended. */
  | { readonly do: 'take'; readonly of: string }
);

/** Claims about members that do not exist. */
export interface Forgery {
  /** Who is told. */
  readonly to: string;
  readonly count: number;
  /** All at one silent address (`one`), at a silent address each (`each`), or at the address of a node. */
  readonly where: string;
  /** As a push/pull has it: 0 alive, 1 suspect, 2 dead, 3 left. */
  readonly state: number;
  /** Names are filled up to so many bytes. */
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
  /** Nodes look for those whom they lost, and the campaign joins nobody again. */
  readonly rejoins?: boolean;
  /** Hundreds of forged members, and a crash that must be found in a bounded time all the same. */
  readonly crowded?: boolean;
  /** Long exchanges are done so many members at a time, and a turn of the event loop takes so long. */
  readonly slices?: { readonly records: number; readonly turnMs: number };
  /** What runs on a part of the nodes on top of membership; undefined in half of the scenarios. */
  readonly extensions?: ExtensionPlan;
  /** The faults of the whole network, until it is healed. */
  readonly network: LinkOptions;
  readonly steps: readonly Step[];
  /** When the faults end. */
  readonly healAt: number;
}
