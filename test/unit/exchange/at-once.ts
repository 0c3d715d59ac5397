/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Long work that is short: for tests in which its length does not matter.
import type { Sliced } from '../../../src/wire/sliced.js';

/** Work of one slice with this result. */
// eslint-disable-next-line require-yield -- it may be interrupted nowhere
export function* atOnce<T>(result: T | (() => T)): Sliced<T> {
  return result instanceof Function ? result() : result;
}
