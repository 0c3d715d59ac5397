/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// At most one concurrent lookup for each name, however many callers wait for it. Otherwise requests to name servers
// that do not answer would accumulate: one for each node in the process and for each attempt.

/** One lookup of a name, which stops when its signal is aborted. */
export type LookUp<T> = (name: string, signal: AbortSignal) => Promise<T>;

interface PendingLookup<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** The pending lookups, each with the number of waiting callers. */
export class SharedLookups<T> {
  readonly #lookUpOne: LookUp<T>;
  readonly #pending = new Map<string, PendingLookup<T>>();

  constructor(lookUp: LookUp<T>) {
    this.#lookUpOne = lookUp;
  }

  /**
   * Looks a name up, or waits for the pending lookup. The lookup is aborted when all waiting callers have canceled.
   *
   * @throws the error of the lookup; the signal's reason
   */
  async lookUp(name: string, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted();
      const lookup = this.#pending.get(name) ?? this.#begin(name);
      // An aborted lookup may not have ended yet; the next one starts after it.
      if (!lookup.controller.signal.aborted) return this.#wait(lookup, signal);
      await abortable(
        signal,
        lookup.result.catch(() => undefined),
      );
    }
  }

  #begin(name: string): PendingLookup<T> {
    const controller = new AbortController();
    const result = this.#lookUpOne(name, controller.signal).finally(() =>
      this.#pending.delete(name),
    );
    result.catch(() => undefined);
    const lookup = { result, controller, waiting: 0 };
    this.#pending.set(name, lookup);
    return lookup;
  }

  async #wait(lookup: PendingLookup<T>, signal: AbortSignal | undefined): Promise<T> {
    lookup.waiting++;
    try {
      return await abortable(signal, lookup.result);
    } finally {
      if (--lookup.waiting === 0) lookup.controller.abort(signal?.reason);
    }
  }
}

/** Resolves to the result of `work`; throws the signal's reason if the signal is aborted before. */
export async function abortable<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason as Error);
  });
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
