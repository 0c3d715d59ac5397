/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A sliced computation with a fixed result, for tests in which its duration does not matter.
import type { Sliced } from '../../../src/wire/sliced.js';

/** Work with this result, after a number of interruptions. */
export function* slicedResult<T>(result: T | (() => T), interruptions = 0): Sliced<T> {
  for (let i = 0; i < interruptions; i++) yield;
  return result instanceof Function ? result() : result;
}
