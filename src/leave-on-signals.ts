/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A process that is told to stop leaves its cluster first, so that the others report `left` and do not
// have to find out by themselves. Orchestrators wait for some seconds only (Kubernetes 30, docker 10):
// this takes less than two unless it is given more.
import { constants } from 'node:os';
import type { Memberlist } from './memberlist.js';
import { checkOptions, optionRules } from './operation-options.js';
import { asError } from './runtime/as-error.js';
import { withDeadline } from './runtime/deadline.js';
import { systemClock } from './runtime/system-clock.js';

const ALL_MS = 1_800;
const LONGEST_MS = 600_000;
/** The share of the time that is left which a leave may take; the rest is for the shutdown and `after`. */
const LEAVE_SHARE = 2 / 3;
/** What a shell reports of a process that a signal ended. */
const ENDED_BY_SIGNAL = 128;

/** Called on the signal; what it returns is awaited. */
export type SignalHook = (signal: NodeJS.Signals) => unknown;

/** What `leaveOnSignals` may be told. */
export interface LeaveOnSignalsOptions {
  /** The signals. Default: `['SIGTERM', 'SIGINT']`. */
  readonly signals?: readonly NodeJS.Signals[];
  /**
   * Milliseconds for everything together, both hooks included: above 0, at most 600,000. The process exits then,
   * finished or not. A leave takes two thirds of what `before` leaves of it at most. Default: 1,800.
   */
  readonly timeout?: number;
  /** Runs before the leave, such as to make the service not ready, or to let an HTTP server close. */
  readonly before?: SignalHook;
  /** Runs after the shutdown, such as to close a database. */
  readonly after?: SignalHook;
  /**
   * False: the process is not ended; once all is done its signals have their usual effect again. Default: true, exit
   * with code 0, or with 1 if a hook threw.
   */
  readonly exit?: boolean;
}

/**
 * On one of these signals: runs `before`, leaves, shuts down, runs `after`, and exits. A second signal exits at once, with
 * 128 and its number (with `exit: false` it is ignored). A hook that throws or takes too long does not keep the node
 * from leaving; what it throws is a warning of the process.
 *
 * ```ts
 * leaveOnSignals(list, { before: () => server.close(), timeout: 10_000 });
 * ```
 *
 * @param signals - the list of signals alone is taken, too, with the options behind it
 * @returns stops listening
 * @throws ConfigError when a signal has no such name, or an option is wrong
 */
export function leaveOnSignals(
  list: Memberlist,
  signals?: readonly NodeJS.Signals[] | LeaveOnSignalsOptions,
  options?: LeaveOnSignalsOptions,
): () => void {
  const given = Array.isArray(signals)
    ? { ...options, signals: signals as readonly NodeJS.Signals[] }
    : ((signals as LeaveOnSignalsOptions | undefined) ?? options ?? {});
  checkOptions(given, rules);
  const { signals: names = ['SIGTERM', 'SIGINT'], exit = true } = given;
  let isStopping = false;
  const off = (): void => {
    for (const signal of names) process.off(signal, stop);
  };
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      if (exit) process.exit(ENDED_BY_SIGNAL + constants.signals[signal]);
      return;
    }
    isStopping = true;
    const ending = new Ending(list, given, signal);
    if (exit) systemClock.setTimer(given.timeout ?? ALL_MS, () => process.exit(ending.exitCode));
    void ending.run().then(() => {
      off();
      if (exit) process.exit(ending.exitCode);
    });
  };
  for (const signal of names) process.on(signal, stop);
  return off;
}

/** What one signal brings about. Never rejects. */
class Ending {
  exitCode = 0;
  readonly #list: Memberlist;
  readonly #options: LeaveOnSignalsOptions;
  readonly #signal: NodeJS.Signals;
  readonly #endsAt: number;

  constructor(list: Memberlist, options: LeaveOnSignalsOptions, signal: NodeJS.Signals) {
    this.#list = list;
    this.#options = options;
    this.#signal = signal;
    this.#endsAt = systemClock.now() + (options.timeout ?? ALL_MS);
  }

  async run(): Promise<void> {
    const { before, after } = this.#options;
    await this.#hook('before', before, this.#leftMs / 2);
    try {
      await this.#list.leave({ timeout: this.#leftMs * LEAVE_SHARE });
    } catch {
      // The others will find out; or it had been shut down already.
    }
    try {
      await this.#list.shutdown();
    } catch {
      // A transport of the user's that cannot close; the process ends anyway.
    }
    await this.#hook('after', after, this.#leftMs);
  }

  get #leftMs(): number {
    return Math.max(0, this.#endsAt - systemClock.now());
  }

  async #hook(what: string, hook: SignalHook | undefined, timeoutMs: number): Promise<void> {
    if (hook === undefined) return;
    const signal = this.#signal;
    try {
      const done = Promise.resolve().then(() => hook(signal));
      await withDeadline(done, { clock: systemClock, timeoutMs, what: `leaveOnSignals: ${what}` });
    } catch (error) {
      this.exitCode = 1;
      process.emitWarning(asError(error));
    }
  }
}

const isSignal = (each: unknown): boolean =>
  typeof each === 'string' && Object.hasOwn(constants.signals, each);

const rules = {
  signals: (value: unknown): string | undefined =>
    Array.isArray(value) && value.length > 0 && value.every(isSignal)
      ? undefined
      : "must be a list of names of signals, such as 'SIGTERM'; at least one",
  timeout: (value: unknown): string | undefined =>
    typeof value === 'number' && value > 0 && value <= LONGEST_MS
      ? undefined
      : `must be a number of milliseconds, above 0 and at most ${LONGEST_MS}`,
  before: optionRules.hook,
  after: optionRules.hook,
  exit: optionRules.flag,
};
