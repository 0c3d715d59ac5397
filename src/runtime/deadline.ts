/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock, Timer } from '../core/ports.js';
import { TimeoutError } from '../errors.js';
import { onAbort } from './abort.js';

/** The time limit of an operation. */
export interface Deadline {
  readonly clock: Clock;
  /** Milliseconds; `Infinity` for no limit. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** A description of the operation, for the error message. */
  readonly what: string;
}

/**
 * Resolves to the result of `work`, if `work` finishes before the deadline. The work itself is not stopped.
 *
 * @throws TimeoutError after `timeoutMs`; the signal's reason when it is aborted
 */
export async function withDeadline<T>(work: Promise<T>, deadline: Deadline): Promise<T> {
  const { clock, timeoutMs, signal, what } = deadline;
  let interrupt: (reason: unknown) => void = () => undefined;
  const interrupted = new Promise<never>((_resolve, reject) => (interrupt = reject));
  let timer: Timer | undefined;
  let stopListening: () => void = () => undefined;
  try {
    if (Number.isFinite(timeoutMs)) {
      const late = (): void => interrupt(new TimeoutError(what, timeoutMs));
      timer = clock.setTimer(timeoutMs, late);
    }
    stopListening = onAbort(signal, interrupt);
    return await Promise.race([work, interrupted]);
  } catch (error) {
    // A clock or a signal of the user may have thrown before `work` was awaited.
    work.catch(() => undefined);
    throw error;
  } finally {
    timer?.cancel();
    stopListening();
  }
}
