/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The seeds of the configuration, looked up again at every attempt: what a name stood for when the
// node began may be long gone.
import type { Seeds } from '../config/options.js';
import type { Clock } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../delegate-host.js';
import { checkSeeds } from '../join.js';
import { withDeadline } from '../runtime/deadline.js';
import { resolveSeed, type Resolver } from '../transport/resolve.js';
import type { Address } from '../wire/address.js';

/** What looking seeds up needs. */
export interface SeedComponents {
  readonly clock: Clock;
  readonly resolver: Resolver | undefined;
  readonly report: (report: Report) => void;
}

/**
 * All addresses that the seeds stand for now, each once. What cannot be looked up is reported and
 * passed over.
 *
 * @throws what the signal was aborted with
 */
export async function addressesOf(
  seeds: Seeds,
  { clock, resolver, report }: SeedComponents,
  { defaultPort, signal }: { defaultPort: number; signal: AbortSignal },
): Promise<Address[]> {
  const inTime = <T>(work: Promise<T>): Promise<T> =>
    withDeadline(work, { clock, timeoutMs: Infinity, signal, what: 'looking up' });
  let list: readonly string[];
  try {
    list = typeof seeds === 'function' ? await inTime(ask(seeds, signal)) : seeds;
  } catch (error) {
    signal.throwIfAborted();
    report({ code: 'seeds-failed', error: asError(error) });
    return [];
  }
  const found = await Promise.all(
    list.map(async (seed) => {
      try {
        return await inTime(resolveSeed(seed, { ...resolver, defaultPort, signal }));
      } catch (error) {
        signal.throwIfAborted();
        report({ code: 'seeds-failed', peer: seed, error: asError(error) });
        return [];
      }
    }),
  );
  const byAddr = new Map(found.flat().map((address) => [address.addr, address] as const));
  return [...byAddr.values()];
}

async function ask(
  seeds: Exclude<Seeds, readonly string[]>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const list: unknown = await seeds(signal);
  checkSeeds(list);
  return list;
}
