/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Joining: every seed is looked up, and all its addresses are contacted, a few at a time.
import { setMaxListeners } from 'node:events';
import type { Clock } from './core/ports.js';
import {
  ConfigError,
  JoinError,
  NodeNameRequiredError,
  TimeoutError,
  type JoinFailure,
} from './errors.js';
import { onAbort, throwIfAborted } from './runtime/abort.js';
import { withDeadline } from './runtime/deadline.js';
import type { Address } from './wire/address.js';
import { asError } from './delegate-host.js';

const AT_ONCE = 8;

/** How a join went. */
export interface JoinResult {
  /** Addresses that were joined. */
  readonly contacted: number;
  /** What could not be looked up or joined. */
  readonly failures: JoinFailure[];
}

/** What joining needs of the node. */
export interface Joiner {
  readonly clock: Clock;
  readonly requireNodeNames: boolean;
  resolve(seed: string): Promise<Address[]>;
  /** Exchanges state with one address. */
  contact(address: Address, signal: AbortSignal): Promise<void>;
}

interface Attempt {
  readonly seed: string;
  readonly address: Address;
}

/** How long a join may take. */
export interface JoinOptions {
  /** Milliseconds for all seeds together. Default: each exchange has `tcpTimeout`, all have none. */
  readonly timeout?: number;
  /** Gives up when it is aborted; `join` rejects with its reason unless somebody was reached. */
  readonly signal?: AbortSignal;
}

/**
 * Contacts all seeds; succeeds if one address was joined.
 *
 * @throws JoinError when none was; the signal's reason
 */
export async function joinSeeds(
  seeds: readonly string[],
  joiner: Joiner,
  options: JoinOptions,
): Promise<JoinResult> {
  const { timeout, signal } = options;
  throwIfAborted(signal);
  const stop = new AbortController();
  // Every look-up and every exchange listens; Node would warn of a leak from the eleventh on.
  setMaxListeners(0, stop.signal);
  const stopListening = onAbort(signal, (reason) => stop.abort(reason));
  const timeIsUp = (ms: number) => () => stop.abort(new TimeoutError('join', ms));
  const timer =
    timeout === undefined ? undefined : joiner.clock.setTimer(timeout, timeIsUp(timeout));
  try {
    return await contactAll(seeds, joiner, stop.signal);
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    timer?.cancel();
    stopListening();
  }
}

async function contactAll(
  seeds: readonly string[],
  joiner: Joiner,
  signal: AbortSignal,
): Promise<JoinResult> {
  const failures: JoinFailure[] = [];
  let contacted = 0;
  const lookups = seeds.map(async (seed): Promise<Attempt[]> => {
    try {
      const bounds = { clock: joiner.clock, timeoutMs: Infinity, signal, what: 'looking up' };
      const addresses = await withDeadline(joiner.resolve(seed), bounds);
      return addresses.map((address) => ({ seed, address }));
    } catch (error) {
      failures.push({ seed, error: asError(error) });
      return [];
    }
  });
  const attempts = (await Promise.all(lookups)).flat();
  const work = async (): Promise<void> => {
    for (let attempt = attempts.shift(); attempt !== undefined; attempt = attempts.shift()) {
      const { seed, address } = attempt;
      try {
        signal.throwIfAborted();
        if (joiner.requireNodeNames && address.name === undefined) {
          throw new NodeNameRequiredError(address.addr);
        }
        await joiner.contact(address, signal);
        contacted++;
      } catch (error) {
        failures.push({ seed, address: address.addr, error: asError(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (contacted === 0) throw new JoinError(failures);
  return { contacted, failures };
}

/** @throws ConfigError when the seeds are no list of strings */
export function checkSeeds(seeds: unknown): asserts seeds is string[] {
  if (Array.isArray(seeds) && seeds.every((seed) => typeof seed === 'string')) return;
  const rule = "must be a list of 'host:port', 'host' or 'name/host:port'";
  throw new ConfigError([{ field: 'seeds', value: seeds, rule }]);
}
