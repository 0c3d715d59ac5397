/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An exception inside this library must not end the process that uses it. Whatever the event loop calls (timers,
// sockets, streams, continuations of promises) passes the guard of its node: an exception is counted and reported
// as `internal-error`, and the node goes on.
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

  /** @param init.hook - is called after the report */
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
      // It is counted; there is no other place left to report it to.
    }
    this.#hook?.(error);
  };

  /** Passes a report on. What that throws is counted and reported; whoever has something to report goes on. */
  readonly report = (report: Report): void => {
    try {
      this.#report(report);
    } catch (error) {
      this.failed(error);
    }
  };

  /** Calls `next` once a promise is settled, also when it was rejected: that is reported. */
  whenSettled(promise: Promise<unknown>, next: () => unknown): void {
    promise
      .then(next, (error: unknown) => {
        this.failed(error);
        next();
      })
      .catch(this.failed);
  }

  /** Calls `work`. Returns whether it ended without an exception. */
  run(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  /** The same clock, with callbacks that pass this guard. */
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
      setTimer: (delayMs, callback) => clock.setTimer(delayMs, guarded(callback)),
      afterTurn: (callback) => clock.afterTurn(guarded(callback)),
    };
  }
}
