/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { setTimeout as wait } from 'node:timers/promises';

/**
 * Looks again and again until something is so: with real sockets and real time there is nothing to
 * be told by.
 *
 * @returns how many milliseconds it took
 * @throws when it is not so within `withinMs`
 */
export async function until(what: string, isSo: () => boolean, withinMs: number): Promise<number> {
  const begin = performance.now();
  while (!isSo()) {
    if (performance.now() - begin > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await wait(10);
  }
  return performance.now() - begin;
}
