/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Helpers for promises that user code returns. They need not be instances of the global `Promise`: Bluebird, zone.js,
// other realms and some libraries return other objects with a `then` method.

/** An object whose rejection can be caught. */
export type Thenable = PromiseLike<unknown>;

/** Whether a value has a method `then`, or a getter `then` that throws. Never throws. */
export function isThenable(value: unknown): value is Thenable {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return true;
  }
}

/**
 * Calls `failed` with the rejection of a thenable, at most once. Never throws; an exception of `then` itself counts
 * as a rejection. `then` is called immediately, because some implementations report an unhandled rejection before the
 * next microtask.
 */
export function catchRejection(thenable: Thenable, failed: (error: unknown) => void): void {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  const reject = (error: unknown): void => {
    if (isSettled) return;
    isSettled = true;
    failed(error);
  };
  try {
    thenable.then(settle, reject);
  } catch (error) {
    reject(error);
  }
}
