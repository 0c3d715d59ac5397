/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Abort signals of users: those of Node, or of a polyfill or another realm (jsdom), which may lack `reason` and
// `throwIfAborted`, and which `AbortSignal.any` does not follow. An exception in a listener of `abort` would end the
// process, as Node rethrows it outside of every handler.
/** What an aborted operation rejects with: the signal's reason, or a new AbortError if it has none. */
export function reasonOf(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason;
  return reason === undefined
    ? new DOMException('This operation was aborted', 'AbortError')
    : reason;
}

/** @throws the signal's reason when it is aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw reasonOf(signal);
}

/**
 * Calls `aborted` with the reason once the signal is aborted, at once if it is already.
 *
 * @param aborted - must not throw
 * @returns stops listening
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
