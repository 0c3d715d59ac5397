/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Helpers for abort signals that users pass. They may come from Node, a polyfill or another realm (jsdom); they may
// lack `reason` and `throwIfAborted`, and `AbortSignal.any` may not support them. An exception in an `abort` listener
// would end the process, because Node rethrows it outside of every handler.

/** The error of an aborted operation: the signal's reason, or a new AbortError if the signal has none. */
export function reasonOf(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason;
  return reason === undefined
    ? new DOMException('This operation was aborted', 'AbortError')
    : reason;
}

/** @throws the signal's reason, if the signal is aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw reasonOf(signal);
}

/**
 * Calls `aborted` with the reason when the signal is aborted; immediately, if it already is.
 *
 * @param aborted - must not throw
 * @returns a function that removes the listener
 */
export function onAbort(
  signal: AbortSignal | undefined,
  aborted: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    aborted(reasonOf(signal));
    return () => undefined;
  }
  const listener = (): void => aborted(reasonOf(signal));
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
