/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The tasks of the two sides of the figure `state`. bench/rust uses the same names.

import type { Usage } from '../protocol.js';

export interface StartStateTask {
  /** `'ip:port'` of each node. */
  readonly addresses: readonly string[];
  /** chitchat only: ours has its default. */
  readonly gossipMs: number;
  /** The number of keys of each node. */
  readonly keys: number;
  /** The maximum time until all nodes know all keys of all nodes. */
  readonly capMs: number;
}

export interface UpdateTask {
  /** The number of the first update of all: no two updates have the same value. */
  readonly first: number;
  readonly updates: number;
  readonly everyMs: number;
  /** The maximum time after the last update until all are known everywhere. */
  readonly capMs: number;
}

export interface Updated {
  /** The time until an update was known to all other nodes, of each that was. */
  readonly ms: readonly number[];
  /** How many were not known everywhere in time. */
  readonly missing: number;
}

/** Every task, and its result. */
export interface StateTasks {
  startState(task: StartStateTask): object;
  /** Lets one node after the other change one of its keys. */
  update(task: UpdateTask): Updated;
  stateUsage(task: object): Usage;
  stopState(task: object): object;
}

/** The implementations of all tasks. */
export type StateHandlers = {
  readonly [Name in keyof StateTasks]: (
    task: Parameters<StateTasks[Name]>[0],
  ) => Promise<ReturnType<StateTasks[Name]>>;
};
