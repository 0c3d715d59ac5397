/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Promises of users. They need not be those of the global `Promise`: Bluebird, zone.js, another realm and libraries
// with promises of their own return other objects with a `then`.

/** What a rejection can be caught of. */
export type Thenable = PromiseLike<unknown>;

/** Whether a value has a method `then`, or a getter of that name that throws. Never throws. */
export function isThenable(value: unknown): value is Thenable {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return true;
  }
}

/**
 * Calls `failed` with what a thenable rejects with, at most once. Never throws; what `then` itself throws counts as a
 * rejection. `then` is called at once: some implementations report a rejection as unhandled before the next microtask.
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
