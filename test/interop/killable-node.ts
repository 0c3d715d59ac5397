/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Starts our-process.ts and kills it.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { MemberlistConfig } from '../../src/index.js';

/** A node of ours that can be killed like a crash. */
export class KillableNode {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** Resolves when the node has joined one of the seeds. The configuration is passed as JSON. */
  static async start(config: MemberlistConfig, seeds: readonly string[]): Promise<KillableNode> {
    const argument = JSON.stringify({ ...config, seeds });
    const child = fork(new URL('our-process.ts', import.meta.url), [argument], {
      execArgv: ['--import', 'tsx'],
    });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${config.name ?? 'our node'} ended with ${code} before it had joined`);
    });
    ended.catch(() => undefined);
    await Promise.race([once(child, 'message'), ended]);
    return new KillableNode(child);
  }

  /** Kills the process. Does nothing if it has ended. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
}
