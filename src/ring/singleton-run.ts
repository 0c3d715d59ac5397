/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One run of a singleton's task on this node, from taking the lease until the task has ended and the lease is given up.
import {
  SingletonStoppedError,
  type Clock,
  type SingletonStopReason,
  type Timer,
} from '../index.js';
import { LeaseKeeper } from './lease.js';
import type { SingletonSettings } from './singleton-options.js';

/** A task that runs on one member at a time. It ends as soon as it can when the signal is aborted. */
export type SingletonTask = (signal: AbortSignal) => unknown;

/** How a run ended. */
export type RunEnd =
  /** It was aborted. */
  | { readonly how: 'aborted'; readonly reason: SingletonStopReason }
  | { readonly how: 'returned' }
  | { readonly how: 'threw'; readonly error: unknown };

/** What a {@link SingletonRun} needs and calls. */
export interface RunParts {
  readonly name: string;
  readonly holder: string;
  readonly task: SingletonTask;
  readonly clock: Clock;
  readonly settings: SingletonSettings;
  /** The task is about to be called. */
  started(): void;
  /** The task has ended. Its lease is given up next. */
  ended(end: RunEnd): void;
  /** A call of the lease failed. */
  leaseFailed(error: unknown): void;
}

/** One run. */
export class SingletonRun {
  readonly #parts: RunParts;
  readonly #controller = new AbortController();
  readonly #keeper: LeaseKeeper | undefined;
  #reason: SingletonStopReason | undefined;
  #isTaskRunning = false;
  #pause: { readonly timer: Timer; readonly end: () => void } | undefined;

  constructor(parts: RunParts) {
    this.#parts = parts;
    const { name, holder, clock, settings } = parts;
    const { lease, leaseTtl: ttl } = settings;
    this.#keeper =
      lease &&
      new LeaseKeeper(
        { lease, clock },
        { name, holder, ttl },
        { failed: (error) => parts.leaseFailed(error), lost: () => this.abort('lease-lost') },
      );
  }

  /** Whether the task was called and has not ended. */
  get isTaskRunning(): boolean {
    return this.#isTaskRunning;
  }

  /** Why it is aborted; undefined if it is not. */
  get reason(): SingletonStopReason | undefined {
    return this.#reason;
  }

  /** Aborts it. The first reason counts. */
  abort(reason: SingletonStopReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#pause?.timer.cancel();
    this.#pause?.end();
    this.#controller.abort(new SingletonStoppedError(this.#parts.name, reason));
  }

  /** Runs until the task has ended. Never rejects. */
  async toEnd(): Promise<RunEnd> {
    try {
      if (!(await this.#leaseTaken())) return this.#aborted;
      const end = await this.#taskEnds();
      this.#parts.ended(end);
      return end;
    } finally {
      await this.#keeper?.release();
    }
  }

  #isAborted(): boolean {
    return this.#reason !== undefined;
  }

  get #aborted(): RunEnd {
    return { how: 'aborted', reason: this.#reason ?? 'stopped' };
  }

  async #taskEnds(): Promise<RunEnd> {
    this.#isTaskRunning = true;
    this.#parts.started();
    try {
      await this.#parts.task(this.#controller.signal);
    } catch (error) {
      return this.#reason === undefined ? { how: 'threw', error } : this.#aborted;
    } finally {
      this.#isTaskRunning = false;
    }
    return this.#reason === undefined ? { how: 'returned' } : this.#aborted;
  }

  /** Tries to take the lease until it is taken. Returns false when the run is aborted before. */
  async #leaseTaken(): Promise<boolean> {
    const { settings } = this.#parts;
    while (!this.#isAborted()) {
      if (this.#keeper === undefined || (await this.#keeper.acquire())) break;
      if (!this.#isAborted()) await this.#sleep(settings.leaseTtl / 3);
    }
    return !this.#isAborted();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.setTimer(ms, resolve);
      this.#pause = { timer, end: resolve };
    });
  }
}
