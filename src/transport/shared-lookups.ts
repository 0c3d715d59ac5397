/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// At most one look-up of a name at a time, however many wait for it. Name servers that do not answer would
// otherwise collect requests: of each node in the process, and of each attempt.

/** One look-up of a name, which gives up when its signal is aborted. */
export type LookUp<T> = (name: string, signal: AbortSignal) => Promise<T>;

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Look-ups that are under way, each with all that wait for it. */
export class SharedLookups<T> {
  readonly #lookUp: LookUp<T>;
  readonly #flights = new Map<string, Flight<T>>();

  constructor(lookUp: LookUp<T>) {
    this.#lookUp = lookUp;
  }

  /**
   * Looks a name up, or waits for the look-up that is under way. It is aborted once all that waited gave up.
   *
   * @throws what the look-up rejects with; the signal's reason
   */
  async ask(name: string, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted();
      const flight = this.#flights.get(name) ?? this.#begin(name);
      // One that everybody gave up may still be ending; the next begins after it.
      if (!flight.controller.signal.aborted) return this.#wait(flight, signal);
      await unless(
        signal,
        flight.result.catch(() => undefined),
      );
    }
  }

  #begin(name: string): Flight<T> {
    const controller = new AbortController();
    const result = this.#lookUp(name, controller.signal).finally(() => this.#flights.delete(name));
    result.catch(() => undefined);
    const flight = { result, controller, waiting: 0 };
    this.#flights.set(name, flight);
    return flight;
  }

  async #wait(flight: Flight<T>, signal: AbortSignal | undefined): Promise<T> {
    flight.waiting++;
    try {
      return await unless(signal, flight.result);
    } finally {
      if (--flight.waiting === 0) flight.controller.abort(signal?.reason);
    }
  }
}

/** What `work` resolves to, unless the signal is aborted before; then its reason is thrown. */
export async function unless<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
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
