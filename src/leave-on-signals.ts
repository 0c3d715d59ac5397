/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A process that is told to stop leaves its cluster first, so that the others report `left` and do not
// have to find out by themselves. Orchestrators wait for some seconds only (Kubernetes 30, docker 10):
// this takes less than two.
import { constants } from 'node:os';
import { ConfigError } from './errors.js';
import type { Memberlist } from './memberlist.js';
import { systemClock } from './runtime/system-clock.js';

const LEAVE_MS = 1_200;
const EXIT_MS = 1_800;
/** What a shell reports of a process that a signal ended. */
const ENDED_BY_SIGNAL = 128;

/** What `leaveOnSignals` may be told. */
export interface LeaveOnSignalsOptions {
  /** Milliseconds for the leave: above 0, at most 1,500. Default: 1,200. */
  readonly timeout?: number;
}

/**
 * On one of these signals: leaves, shuts down and exits with code 0, in under 2 s whatever happens. A
 * second signal exits at once, with 128 and its number. The process must have nothing else to finish
 * when it is told to stop; if it has, call `leave` and `shutdown` yourself.
 *
 * Called for several lists, a signal of any of them lets all leave at the same time, and the process exits
 * when the last is done.
 *
 * @param signals - `['SIGTERM', 'SIGINT']` by default
 * @returns stops listening
 * @throws ConfigError when a signal has no such name, or the timeout is none
 */
export function leaveOnSignals(
  list: Memberlist,
  signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'],
  options: LeaveOnSignalsOptions = {},
): () => void {
  const { timeout = LEAVE_MS } = options;
  check(signals, timeout);
  const leaver: Leaver = { leave: () => leaveAndShutDown(list, timeout), signals: [...signals] };
  leavers.add(leaver);
  listen();
  return () => {
    leavers.delete(leaver);
    listen();
  };
}

interface Leaver {
  readonly signals: readonly NodeJS.Signals[];
  /** Never rejects. */
  leave(): Promise<void>;
}

// The process has one life: all lists in it leave together, and none ends it before the others are done.
const leavers = new Set<Leaver>();
const heard = new Set<NodeJS.Signals>();
let isStopping = false;

/** Listens to the signals of all leavers, once to each, and to no others. */
function listen(): void {
  const wanted = new Set([...leavers].flatMap(({ signals }) => signals));
  for (const signal of wanted) {
    if (!heard.has(signal)) process.on(signal, stop);
    heard.add(signal);
  }
  // Once it stops, a second signal ends it, whoever took back what.
  if (isStopping) return;
  for (const signal of heard) {
    if (wanted.has(signal)) continue;
    process.off(signal, stop);
    heard.delete(signal);
  }
}

function stop(signal: NodeJS.Signals): void {
  if (isStopping) process.exit(ENDED_BY_SIGNAL + constants.signals[signal]);
  isStopping = true;
  systemClock.setTimer(EXIT_MS, () => process.exit(0));
  void Promise.all([...leavers].map((leaver) => leaver.leave())).then(() => process.exit(0));
}

async function leaveAndShutDown(list: Memberlist, timeout: number): Promise<void> {
  try {
    await list.leave({ timeout });
  } catch {
    // The others will find out; or it had been shut down already.
  }
  try {
    await list.shutdown();
  } catch {
    // A transport of the user's that cannot close; the process ends anyway.
  }
}

function check(signals: unknown, timeout: unknown): void {
  const problems = [];
  const isSignal = (each: unknown): boolean =>
    typeof each === 'string' && Object.hasOwn(constants.signals, each);
  if (!Array.isArray(signals) || signals.length === 0 || !signals.every(isSignal)) {
    const rule = "must be a list of names of signals, such as 'SIGTERM'; at least one";
    problems.push({ field: 'signals', value: signals, rule });
  }
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout <= 1_500)) {
    const rule = 'must be a number of milliseconds, above 0 and at most 1500';
    problems.push({ field: 'timeout', value: timeout, rule });
  }
  if (problems.length > 0) throw new ConfigError(problems);
}
