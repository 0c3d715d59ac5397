/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock } from '../core/ports.js';
import { TimeoutError } from '../errors.js';

/** How long something may take. */
export interface Deadline {
  readonly clock: Clock;
  /** Milliseconds; infinity for no limit. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What it is, for the error's text. */
  readonly what: string;
}

/**
 * What `work` resolves to, if it does in time. The work itself is not stopped.
 *
 * @throws TimeoutError when time is up; the signal's reason when it is aborted
 */
export async function withDeadline<T>(work: Promise<T>, deadline: Deadline): Promise<T> {
  const { clock, timeoutMs, signal, what } = deadline;
  let interrupt: (reason: unknown) => void = () => undefined;
  const interrupted = new Promise<never>((_resolve, reject) => (interrupt = reject));
  const timer = Number.isFinite(timeoutMs)
    ? clock.setTimer(timeoutMs, () => interrupt(new TimeoutError(what, timeoutMs)))
    : undefined;
  const abort = (): void => interrupt(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    timer?.cancel();
    signal?.removeEventListener('abort', abort);
  }
}
