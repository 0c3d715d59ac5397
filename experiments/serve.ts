/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The worker side: executes tasks as they arrive.

import { parentPort } from 'node:worker_threads';

/** Answers each message with the result of `work`. An error ends the worker. */
export function serve(work: (task: never) => Promise<unknown>): void {
  parentPort?.on('message', (task: unknown) => {
    void work(task as never).then((result) => parentPort?.postMessage(result));
  });
}
