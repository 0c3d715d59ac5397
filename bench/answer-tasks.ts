/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The side of a process that executes tasks: lines of JSON on standard input, an answer for each on standard output.

import { createInterface } from 'node:readline';

/** Executes tasks, one at a time, until standard input ends. */
export async function answerTasks(
  handlers: Readonly<Record<string, (task: never) => unknown>>,
): Promise<void> {
  for await (const line of createInterface(process.stdin)) {
    const task = JSON.parse(line) as { id: number; do: string };
    const { id } = task;
    let answer;
    try {
      const work = handlers[task.do] as ((task: unknown) => unknown) | undefined;
      if (work === undefined) throw new Error(`unknown task ${task.do}`);
      answer = { id, result: await work(task) };
    } catch (error) {
      answer = { id, error: (error as Error).stack };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}
