/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Joining: looks up every seed and contacts all its addresses. Neither a name server nor an address that does not answer
// delays the others (staggered-attempts.ts).
import { setMaxListeners } from 'node:events';
import { StaggeredAttempts } from './staggered-attempts.js';
import type { Clock, Timer } from '../core/ports.js';
import {
  ConfigError,
  JoinError,
  NodeNameRequiredError,
  TimeoutError,
  type JoinFailure,
} from '../errors.js';
import { onAbort, throwIfAborted } from '../runtime/abort.js';
import { withDeadline } from '../runtime/deadline.js';
import type { Address } from '../wire/address.js';
import { asError } from '../runtime/as-error.js';

/**
 * How long a lookup, or an attempt that is not connected yet, may still take once an address was joined, in
 * milliseconds. TCP retransmits a lost first packet after 1 s.
 */
const GRACE_MS = 3_000;

/** The result of a join. */
export interface JoinResult {
  /** Addresses that were joined. The node's own is not among them. */
  readonly contacted: number;
  /** Seeds and addresses that could not be looked up or joined, in the order of their failures. */
  readonly failures: JoinFailure[];
}

/** Signals that end a contact early. */
export interface ContactSignals {
  /** Ends the contact. */
  readonly signal: AbortSignal;
  /** Ends the contact unless it is connected. */
  readonly dialSignal: AbortSignal;
}

/** What joining needs of the node. */
export interface Joiner {
  readonly clock: Clock;
  readonly requireNodeNames: boolean;
  resolve(seed: string, signal: AbortSignal): Promise<Address[]>;
  /** Exchanges state with one address. */
  contact(address: Address, signals: ContactSignals): Promise<void>;
  /** The likely cause of these failures, as text; undefined when unknown. */
  likelyCause?(errors: readonly Error[]): string | undefined;
}

/** How long a join may take. */
export interface JoinOptions {
  /**
   * Milliseconds for all seeds together, 0 or more; with 0 no node is reached. Default, and `Infinity`: no limit for all
   * together; each exchange has `tcpTimeout`.
   */
  readonly timeout?: number;
  /** Aborts the join, which rejects with the signal's reason unless a node was reached. */
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
  // Every lookup and every exchange listens; Node would warn of a leak from the eleventh on.
  setMaxListeners(0, stop.signal);
  const stopListening = onAbort(signal, (reason) => stop.abort(reason));
  const timeIsUp = (ms: number) => () => stop.abort(new TimeoutError('join', ms));
  const timer =
    timeout === undefined || timeout === Infinity
      ? undefined
      : joiner.clock.setTimer(timeout, timeIsUp(timeout));
  try {
    return await new Join(joiner, stop.signal).run(seeds);
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    timer?.cancel();
    stopListening();
  }
}

interface Attempt {
  readonly seed: string;
  readonly address: Address;
}

/** Work that ends soon once an address was joined. */
interface Pending {
  /** A description for the error's text. */
  readonly what: string;
  readonly controller: AbortController;
  timer?: Timer;
}

/** One call of `join`. */
class Join {
  readonly #joiner: Joiner;
  readonly #signal: AbortSignal;
  readonly #failures: JoinFailure[] = [];
  readonly #pending = new Set<Pending>();
  #contacted = 0;

  constructor(joiner: Joiner, signal: AbortSignal) {
    this.#joiner = joiner;
    this.#signal = signal;
  }

  async run(seeds: readonly string[]): Promise<JoinResult> {
    const { clock } = this.#joiner;
    const contacts = new StaggeredAttempts<Attempt>(
      { clock },
      { contact: (each) => this.#attempt(each) },
    );
    await Promise.all(seeds.map(async (seed) => contacts.add(await this.#attemptsFor(seed))));
    await contacts.ended();
    if (this.#contacted === 0) {
      const cause = this.#joiner.likelyCause?.(this.#failures.map(({ error }) => error));
      throw new JoinError(this.#failures, cause);
    }
    return { contacted: this.#contacted, failures: this.#failures };
  }

  async #attemptsFor(seed: string): Promise<Attempt[]> {
    const { clock } = this.#joiner;
    try {
      const addresses = await this.#patiently(`looking up ${seed}`, (signal) => {
        const bounds = { clock, timeoutMs: Infinity, signal, what: 'looking up' };
        return withDeadline(this.#joiner.resolve(seed, signal), bounds);
      });
      return addresses.map((address) => ({ seed, address }));
    } catch (error) {
      this.#failures.push({ seed, error: asError(error) });
      return [];
    }
  }

  async #attempt({ seed, address }: Attempt): Promise<void> {
    const { requireNodeNames } = this.#joiner;
    try {
      this.#signal.throwIfAborted();
      if (requireNodeNames && address.name === undefined) {
        throw new NodeNameRequiredError(address.addr);
      }
      await this.#patiently(`dialing ${address.addr}`, (dialSignal) =>
        this.#joiner.contact(address, { signal: this.#signal, dialSignal }),
      );
      this.#contacted++;
      for (const pending of this.#pending) this.#limit(pending);
    } catch (error) {
      this.#failures.push({ seed, address: address.addr, error: asError(error) });
    }
  }

  /** Runs work with a signal that is aborted {@link GRACE_MS} after an address was joined. */
  async #patiently<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const pending: Pending = { what, controller: new AbortController() };
    this.#pending.add(pending);
    if (this.#contacted > 0) this.#limit(pending);
    try {
      return await work(AbortSignal.any([this.#signal, pending.controller.signal]));
    } finally {
      pending.timer?.cancel();
      this.#pending.delete(pending);
    }
  }

  #limit(pending: Pending): void {
    const { what, controller } = pending;
    const abort = (): void => controller.abort(new TimeoutError(what, GRACE_MS));
    pending.timer ??= this.#joiner.clock.setTimer(GRACE_MS, abort);
  }
}

/** @throws ConfigError when the seeds are no list of strings */
export function checkSeeds(seeds: unknown): asserts seeds is string[] {
  if (Array.isArray(seeds) && seeds.every((seed) => typeof seed === 'string')) return;
  const rule = "must be a list of 'host:port', 'host' or 'name/host:port'";
  throw new ConfigError([{ field: 'seeds', value: seeds, rule }]);
}
