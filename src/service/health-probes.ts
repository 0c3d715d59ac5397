/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Answers for HTTP probes of an orchestrator: whether to restart the process, and whether to send it requests.
import type { Memberlist } from '../memberlist.js';
import { checkOptions, optionRules } from '../node/operation-options.js';

/** Periodic work that is late by more than this counts as stuck, in milliseconds. */
const STUCK_MS = 30_000;

/** The result of {@link liveness}. */
export interface Liveness {
  /** False: the node has stopped working, and only a restart of the process helps. */
  readonly ok: boolean;
  /** `'stuck'`: periodic work is more than 30 s late. */
  readonly status: 'running' | 'leaving' | 'left' | 'stuck' | 'shutdown';
  /** As `Memberlist.healthScore`: Lifeguard's Local Health Multiplier, from 0 (healthy). */
  readonly healthScore: number;
}

/** The result of {@link readiness}. */
export interface Readiness {
  /** Whether the node takes part in the cluster and sees `minMembers` members. */
  readonly ok: boolean;
  readonly status: 'ready' | 'too-few-members' | 'leaving' | 'left' | 'shutdown';
  /** How many members are alive or suspect, this node included. */
  readonly members: number;
  readonly minMembers: number;
}

/** Options of {@link readiness}. */
export interface ReadinessOptions {
  /**
   * How many members must be alive or suspect, this node included: 1 or more. Default: 1, as an orchestrator that starts
   * one pod after the other would never start the second if the first waited for peers.
   */
  readonly minMembers?: number;
}

/**
 * Whether the node works, for a liveness probe: false once it is shut down, or when its periodic work is more than 30 s
 * late. A node that is alone, has left or is blocked for a moment is alive.
 */
export function liveness(list: Memberlist): Liveness {
  const { state, healthScore } = list;
  const isStuck = state === 'running' && list.overdueMs > STUCK_MS;
  return { ok: state !== 'shutdown' && !isStuck, status: isStuck ? 'stuck' : state, healthScore };
}

/**
 * Whether the node should receive requests, for a readiness probe: it is a member of the cluster, is not leaving, and
 * sees at least `minMembers` members.
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function readiness(list: Memberlist, options: ReadinessOptions = {}): Readiness {
  checkOptions(options, { minMembers: optionRules.minMembers });
  const { minMembers = 1 } = options;
  const { state } = list;
  const members = state === 'shutdown' ? 0 : list.numMembers;
  const here = members >= minMembers ? 'ready' : 'too-few-members';
  const status = state === 'running' ? here : state;
  return { ok: status === 'ready', status, members, minMembers };
}
