/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Counters } from './counters.js';
import type { LifeguardRules } from './lifeguard/rules.js';
import type { Clock, Effects, Random } from './ports.js';

/** The settings that the core uses; the resolved configuration contains all of them. */
export interface CoreSettings {
  readonly name: string;
  readonly bindPort: number;
  readonly protocolVersion: number;
  readonly probeInterval: number;
  readonly probeTimeout: number;
  readonly indirectChecks: number;
  readonly disableTcpPings: boolean;
  readonly disableTcpPingsForNode: ((name: string) => boolean) | undefined;
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly awarenessMaxMultiplier: number;
  readonly gossipInterval: number;
  readonly gossipNodes: number;
  readonly gossipToTheDeadTime: number;
  readonly retransmitMult: number;
  readonly pushPullInterval: number;
  readonly settleAfterJoin: boolean;
  readonly queueCheckInterval: number;
  readonly deadNodeReclaimTime: number;
  readonly maxMembers: number;
  /** Milliseconds for which a name that the user wants forgotten stays forgotten. */
  readonly forgetMs: number;
  readonly handoffQueueDepth: number;
  readonly udpBufferSize: number;
  /** Whether an alive delegate is set: alive claims must then contain all version bytes. */
  readonly hasAliveDelegate: boolean;
  readonly lifeguard: LifeguardRules;
}

/** What every part of the core receives. */
export interface CoreContext {
  readonly settings: CoreSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly effects: Effects;
  readonly counters: Counters;
}
