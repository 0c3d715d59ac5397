/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The seeds of the configuration, looked up again at every attempt, as the addresses of a name change over time.
import type { Seeds } from '../config/options.js';
import { STAGGER_MS } from './staggered-attempts.js';
import type { Clock, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../runtime/as-error.js';
import { TimeoutError } from '../errors.js';
import { checkSeeds } from './join.js';
import { withDeadline } from '../runtime/deadline.js';
import { resolveSeed, type Resolver } from '../transport/resolve.js';
import type { Address } from '../wire/address.js';

/** A report follows when no seed was reached for this long, in milliseconds. */
const REPORT_AFTER_MS = 10_000;
/** Addresses that {@link SeedTurns} remembers; when there are more, it clears its memory. */
const TURNS_LIMIT = 4_096;

/** What looking up seeds needs. */
export interface SeedComponents {
  readonly clock: Clock;
  readonly resolver: Resolver | undefined;
  readonly report: (report: Report) => void;
  /** Called with addresses, each once: first those that were found soon, then later ones as they arrive. */
  readonly found: (addresses: readonly Address[]) => void;
}

/**
 * Looks up all addresses of the seeds. A seed that cannot be looked up, or not in time, is reported and skipped.
 *
 * @throws what the signal was aborted with, unless that is a TimeoutError
 */
export async function lookUpSeeds(
  seeds: Seeds,
  { clock, resolver, report, found }: SeedComponents,
  { defaultPort, signal }: { defaultPort: number; signal: AbortSignal },
): Promise<void> {
  const inTime = <T>(work: Promise<T>): Promise<T> =>
    withDeadline(work, { clock, timeoutMs: Infinity, signal, what: 'looking up' });
  const failed = (error: unknown, peer?: string): void => {
    if (signal.aborted && !(signal.reason instanceof TimeoutError)) throw signal.reason;
    report({ code: 'seeds-failed', ...(peer !== undefined && { peer }), error: asError(error) });
  };
  let list: readonly string[];
  try {
    list = typeof seeds === 'function' ? await inTime(ask(seeds, signal)) : seeds;
  } catch (error) {
    failed(error);
    return;
  }
  const batch = new Batch(clock, found);
  const lookUp = async (seed: string): Promise<void> => {
    try {
      batch.add(await inTime(resolveSeed(seed, { ...resolver, defaultPort, signal })));
    } catch (error) {
      failed(error, seed);
    }
  };
  try {
    await Promise.all(list.map(lookUp));
  } finally {
    batch.flush();
  }
}

/** Collects addresses: a name server that does not answer delays those of the others only briefly. */
class Batch {
  readonly #found: (addresses: readonly Address[]) => void;
  readonly #known = new Set<string>();
  readonly #timer: Timer;
  #waiting: Address[] | undefined = [];

  constructor(clock: Clock, found: (addresses: readonly Address[]) => void) {
    this.#found = found;
    this.#timer = clock.setTimer(STAGGER_MS, () => this.flush());
  }

  add(addresses: readonly Address[]): void {
    const added = addresses.filter(({ addr }) => !this.#known.has(addr));
    for (const { addr } of added) this.#known.add(addr);
    if (this.#waiting === undefined) this.#found(added);
    else for (const address of added) this.#waiting.push(address);
  }

  flush(): void {
    this.#timer.cancel();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#found(waiting);
  }
}

/**
 * The order of seeds: those that were not tried in the last rounds come first. So every seed gets its turn, even if the
 * rounds are too short for all of them.
 */
export class SeedTurns {
  readonly #triedIn = new Map<string, number>();
  #round = 0;

  /** Starts a round. */
  begin(): void {
    this.#round++;
    if (this.#triedIn.size > TURNS_LIMIT) this.#triedIn.clear();
  }

  /** The addresses sorted by the round of their last attempt, oldest first; otherwise in the given order. */
  inTurn(addresses: readonly Address[]): Address[] {
    const last = ({ addr }: Address): number => this.#triedIn.get(addr) ?? 0;
    return [...addresses].sort((a, b) => last(a) - last(b));
  }

  /** An attempt for this address starts. */
  tried(addr: string): void {
    this.#triedIn.set(addr, this.#round);
  }
}

/** Reports once when no seed was reached for a while, and again only after one was. */
export class SeedFailures {
  readonly #clock: Clock;
  readonly #report: (report: Report) => void;
  #since: number | undefined;
  #last: { readonly peer: string; readonly error: Error } | undefined;
  #isReported = false;

  constructor({ clock, report }: { clock: Clock; report: (report: Report) => void }) {
    this.#clock = clock;
    this.#report = report;
  }

  /** One attempt failed. */
  failed(peer: string, error: Error): void {
    this.#since ??= this.#clock.now();
    this.#last = { peer, error };
  }

  /** All seeds were tried, and none was reached. */
  noneReached(): void {
    if (this.#since === undefined || this.#last === undefined || this.#isReported) return;
    const forMs = this.#clock.now() - this.#since;
    if (forMs < REPORT_AFTER_MS) return;
    this.#isReported = true;
    this.#report({ code: 'seeds-unreachable', ...this.#last, forMs });
  }

  /** Another member is known. */
  over(): void {
    this.#since = undefined;
    this.#last = undefined;
    this.#isReported = false;
  }
}

async function ask(
  seeds: Exclude<Seeds, readonly string[]>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const list: unknown = await seeds(signal);
  checkSeeds(list);
  return list;
}
