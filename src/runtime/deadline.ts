/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock, Timer } from '../core/ports.js';
import { TimeoutError } from '../errors.js';
import { onAbort } from './abort.js';

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
    // A clock or a signal of the user's may have thrown before the work was awaited.
    work.catch(() => undefined);
    throw error;
  } finally {
    timer?.cancel();
    stopListening();
  }
}
