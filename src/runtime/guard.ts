/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An exception inside this library must not end the process that uses it. All callbacks of the event loop (timers,
// sockets, streams, promise continuations) run in the guard of their node: it counts an exception and reports it as
// `internal-error`, and the node continues.
import type { Counters } from '../core/counters.js';
import type { Clock } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from './as-error.js';

/** Called with each internal error: simulations and tests fail by it. */
export type InternalErrorHook = (error: Error) => void;

/** Catches the exceptions of one node. */
export class Guard {
  readonly #counters: Pick<Counters, 'internalErrors'>;
  readonly #report: (report: Report) => void;
  readonly #hook: InternalErrorHook | undefined;

  /** @param init.hook - called after the report */
  constructor(
    components: { counters: Pick<Counters, 'internalErrors'>; report: (report: Report) => void },
    init: { hook?: InternalErrorHook | undefined } = {},
  ) {
    this.#counters = components.counters;
    this.#report = components.report;
    this.#hook = init.hook;
  }

  /**
   * Counts and reports an exception. Never throws.
   *
   * @param peer - the name or address of the node whose packet or stream was handled
   */
  readonly failed = (thrown: unknown, peer?: string): void => {
    this.#counters.internalErrors++;
    const error = asError(thrown);
    try {
      this.#report({ code: 'internal-error', ...(peer !== undefined && { peer }), error });
    } catch {
      // The error is counted. There is no other place to report it.
    }
    this.#hook?.(error);
  };

  /** Passes a report to the reporter. An exception of the reporter is counted and reported; the caller continues. */
  readonly report = (report: Report): void => {
    try {
      this.#report(report);
    } catch (error) {
      this.failed(error);
    }
  };

  /** Calls `next` when a promise is settled. A rejection is reported as well. */
  whenSettled(promise: Promise<unknown>, next: () => unknown): void {
    promise
      .then(next, (error: unknown) => {
        this.failed(error);
        next();
      })
      .catch(this.failed);
  }

  /** Calls `work`. Returns whether it completed without an exception. */
  run(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  /** The same clock, with callbacks that run in this guard. */
  clock(clock: Clock): Clock {
    const guarded = (callback: () => void) => (): void => {
      try {
        callback();
      } catch (error) {
        this.failed(error);
      }
    };
    return {
      now: () => clock.now(),
      wallNow: () => clock.wallNow?.() ?? clock.now(),
      setTimer: (delayMs, callback) => clock.setTimer(delayMs, guarded(callback)),
      afterTurn: (callback) => clock.afterTurn(guarded(callback)),
    };
  }
}
