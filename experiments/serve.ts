/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The inside of a worker: does tasks as they come.

import { parentPort } from 'node:worker_threads';

/** Answers each message with what `work` makes of it. An error ends the worker. */
export function serve(work: (task: never) => Promise<unknown>): void {
  parentPort?.on('message', (task: unknown) => {
    void work(task as never).then((result) => parentPort?.postMessage(result));
  });
}
