/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A process that is told to stop leaves its cluster first, so that the others report `left` and do not
// have to find out by themselves. Orchestrators wait for some seconds only (Kubernetes 30, docker 10):
// this takes less than two unless it is given more.
import { constants } from 'node:os';
import type { Memberlist } from '../memberlist.js';
import { checkOptions, optionRules } from '../node/operation-options.js';
import { asError } from '../runtime/as-error.js';
import { withDeadline } from '../runtime/deadline.js';
import { systemClock } from '../runtime/system-clock.js';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];
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
   * False: the process is not ended, unless another list is to end it; once all is done its signals have their usual
   * effect again. Default: true, exit with code 0, or with 1 if a hook threw. `ready`, `join`, `setMeta` and
   * `updateNode` that are awaited when the process exits neither resolve nor reject.
   */
  readonly exit?: boolean;
}

/**
 * On one of these signals: runs `before`, leaves, shuts down, runs `after`, and exits. A second signal exits at once,
 * with 128 and its number (where no list is to exit, it is ignored). A hook that throws or takes too long does not
 * keep the node from leaving; what it throws becomes a warning of the process.
 *
 * ```ts
 * leaveOnSignals(list, { before: () => server.close(), timeout: 10_000 });
 * ```
 *
 * Called for several lists, a signal of any of them lets all leave at the same time, and the process exits
 * when the last is done.
 *
 * @param signals - the list of signals alone is accepted, too, with the options behind it
 * @returns stops listening
 * @throws ConfigError when a signal has no such name, or an option is wrong
 */
export function leaveOnSignals(
  list: Memberlist,
  signals?: readonly NodeJS.Signals[] | LeaveOnSignalsOptions,
  options?: LeaveOnSignalsOptions,
): () => void {
  const given = optionsOf(signals, options);
  checkOptions(given, rules);
  const leaver: Leaver = { list, options: given };
  leavers.add(leaver);
  listen();
  return () => {
    leavers.delete(leaver);
    listen();
  };
}

interface Leaver {
  readonly list: Memberlist;
  readonly options: LeaveOnSignalsOptions;
}

// The process has one life: all lists in it leave together, and none ends it before the others are done.
const leavers = new Set<Leaver>();
const heard = new Set<NodeJS.Signals>();
let isStopping = false;
let exits = true;

/** Listens to the signals of all leavers, once to each, and to no others. */
function listen(): void {
  const wanted = new Set([...leavers].flatMap(({ options }) => options.signals ?? SIGNALS));
  for (const signal of wanted) {
    if (!heard.has(signal)) process.on(signal, stop);
    heard.add(signal);
  }
  // While it stops, a second signal still ends it, even if a list is taken back meanwhile.
  if (isStopping) return;
  for (const signal of heard) {
    if (wanted.has(signal)) continue;
    process.off(signal, stop);
    heard.delete(signal);
  }
}

function stop(signal: NodeJS.Signals): void {
  if (isStopping) {
    if (exits) process.exit(ENDED_BY_SIGNAL + constants.signals[signal]);
    return;
  }
  isStopping = true;
  const stopped = [...leavers];
  exits = stopped.some(({ options }) => options.exit ?? true);
  const endings = stopped.map(({ list, options }) => new Ending(list, options, signal));
  const exitCode = (): number => (endings.some((ending) => ending.hasFailed) ? 1 : 0);
  const longestMs = stopped.reduce((ms, { options }) => Math.max(ms, options.timeout ?? ALL_MS), 0);
  let limit: NodeJS.Timeout | undefined;
  if (exits) {
    for (const { list } of stopped) list.endWithProcess();
    // This timer keeps the process alive, so that it exits with this code: promises that stay pending do not.
    limit = setTimeout(() => process.exit(exitCode()), longestMs);
  }
  void Promise.all(endings.map((ending) => ending.run())).then(() => {
    clearTimeout(limit);
    if (exits) process.exit(exitCode());
    isStopping = false;
    for (const leaver of stopped) leavers.delete(leaver);
    listen();
  });
}

/** What one signal brings about. Never rejects. */
class Ending {
  /** Whether a hook threw, or took too long. */
  hasFailed = false;
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
    return Math.max(0, Math.round(this.#endsAt - systemClock.now()));
  }

  async #hook(what: string, hook: SignalHook | undefined, timeoutMs: number): Promise<void> {
    if (hook === undefined) return;
    const signal = this.#signal;
    try {
      const done = Promise.resolve().then(() => hook(signal));
      await withDeadline(done, { clock: systemClock, timeoutMs, what: `leaveOnSignals: ${what}` });
    } catch (error) {
      this.hasFailed = true;
      process.emitWarning(asError(error));
    }
  }
}

function optionsOf(
  signals: readonly NodeJS.Signals[] | LeaveOnSignalsOptions | undefined,
  options: LeaveOnSignalsOptions | undefined,
): LeaveOnSignalsOptions {
  if (Array.isArray(signals)) {
    return { ...options, signals: signals as readonly NodeJS.Signals[] };
  }
  return (signals as LeaveOnSignalsOptions | undefined) ?? options ?? {};
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
