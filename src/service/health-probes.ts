/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What an HTTP server tells an orchestrator: whether to restart the process, and whether to send it requests.
import type { Memberlist } from '../memberlist.js';
import { checkOptions, optionRules } from '../node/operation-options.js';

/** Periodic work that is late by more than this does not come any more, in milliseconds. */
const STUCK_MS = 30_000;

/** What {@link liveness} found. */
export interface Liveness {
  /** False: the node does nothing any more, and only a new process helps. */
  readonly ok: boolean;
  /** `'stuck'`: probes have not come for 30 s after their time. */
  readonly status: 'running' | 'leaving' | 'left' | 'stuck' | 'shutdown';
  /** As `Memberlist.healthScore`: how much this node doubts itself, from 0. */
  readonly healthScore: number;
}

/** What {@link readiness} found. */
export interface Readiness {
  /** Whether the node takes part in the cluster and sees `minMembers` members. */
  readonly ok: boolean;
  readonly status: 'ready' | 'too-few-members' | 'leaving' | 'left' | 'shutdown';
  /** Members that are alive or suspect, ourselves included. */
  readonly members: number;
  readonly minMembers: number;
}

/** Options of {@link readiness}. */
export interface ReadinessOptions {
  /**
   * Members that there must be, ourselves included: 1 or more. Default: 1, as a readiness that waits for company keeps
   * an orchestrator that starts one pod after the other from starting the second.
   */
  readonly minMembers?: number;
}

/**
 * Whether the node runs, for a liveness probe: false once it is shut down, or when its periodic work has not come for
 * 30 s. A node that is alone, has left or is blocked for a moment is alive.
 */
export function liveness(list: Memberlist): Liveness {
  const { state, healthScore } = list;
  const isStuck = state === 'running' && list.overdueMs > STUCK_MS;
  return { ok: state !== 'shutdown' && !isStuck, status: isStuck ? 'stuck' : state, healthScore };
}

/**
 * Whether the node should get requests, for a readiness probe: it takes part in the cluster, does not leave, and sees
 * so many members.
 *
 * @throws ConfigError for an option that is wrong or that there is not
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
