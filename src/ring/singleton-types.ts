/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a singleton looks like from outside.
import type { SingletonStopReason } from '../index.js';

/**
 * What a singleton does on this node:
 *
 * - `waiting`: another member owns it, or the conditions for a start are not met.
 * - `acquiring`: this node is to run it and waits for the lease.
 * - `running`: the task runs.
 * - `stopping`: the task was aborted and has not ended yet.
 * - `pausing`: the task ended, and its restart is due later.
 * - `done`: the task ended and is not restarted (`restart`), until ownership moves away and back.
 * - `stopped`: `stop()` was called, or the node was shut down.
 */
export type SingletonState =
  'waiting' | 'acquiring' | 'running' | 'stopping' | 'pausing' | 'done' | 'stopped';

/** The events of a {@link Singleton}. */
export interface SingletonEvents {
  /** The task is about to be called on this node. */
  start: { readonly name: string };
  /** The task has ended on this node. `reason` is undefined if it was not aborted. */
  stop: { readonly name: string; readonly reason: SingletonStopReason | undefined };
  /** The task threw without being aborted, or a call of the lease failed. */
  error: { readonly name: string; readonly source: 'task' | 'lease'; readonly error: unknown };
}

/** A task that runs on one member, as one node sees it. */
export interface Singleton {
  readonly name: string;
  readonly state: SingletonState;
  /** Whether the task runs on this node: it was called and has not ended. */
  readonly running: boolean;
  /** The member that owns the task by this node's current members, whether it runs there or not. */
  readonly owner: string | undefined;
  /** Adds a listener. What it throws is caught, counted and logged (`callback-threw`). */
  on<Name extends keyof SingletonEvents>(
    event: Name,
    listener: (event: SingletonEvents[Name]) => unknown,
  ): this;
  /** Removes a listener. */
  off<Name extends keyof SingletonEvents>(
    event: Name,
    listener: (event: SingletonEvents[Name]) => unknown,
  ): this;
  /**
   * Does not run the task on this node any more; resolves when it has ended. Other nodes do not know: while they consider
   * this node the owner, the task runs nowhere. Leave the cluster instead, or change the metadata that `filter` reads.
   */
  stop(): Promise<void>;
}
