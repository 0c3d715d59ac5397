/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { setTimeout as wait } from 'node:timers/promises';

/** Maximum length of a wrong answer in the error, in characters. */
const maxShown = 1_000;

/**
 * Polls until the answer is right, since other programs send no notifications.
 *
 * @throws with the last answer when it is not right within `withinMs`
 */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  isRight: (answer: T) => boolean,
  withinMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (performance.now() > deadline) {
      const seen = JSON.stringify([answer]).slice(1, -1);
      const end = seen.length > maxShown ? `… ${seen.slice(-maxShown)}` : seen;
      throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${end}`);
    }
    await wait(50);
  }
}
