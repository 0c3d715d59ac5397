/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Runs the examples that join programs of other projects, as processes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Alertmanager } from './alertmanager-process.js';
import { eventually } from './eventually.js';
import { debianSerf, SerfAgent } from './serf-agent.js';

class Example {
  output = '';
  readonly #child;

  constructor(name: string, ...words: string[]) {
    const file = fileURLToPath(new URL(`../../examples/${name}/main.ts`, import.meta.url));
    this.#child = spawn(process.execPath, ['--import', 'tsx', file, ...words]);
    const take = (chunk: Buffer): void => void (this.output += chunk.toString());
    this.#child.stdout.on('data', take);
    this.#child.stderr.on('data', take);
  }

  async prints(text: string | RegExp): Promise<void> {
    const has = (output: string): boolean =>
      typeof text === 'string' ? output.includes(text) : text.test(output);
    await eventually(String(text), () => this.output, has);
  }

  async stop(): Promise<number | null> {
    const ended = once(this.#child, 'exit') as Promise<[number | null]>;
    this.#child.kill('SIGTERM');
    return (await ended)[0];
  }
}

describe('the examples', { concurrency: 2 }, () => {
  it('serf: a Node process in a Serf cluster', async () => {
    const serf = new SerfAgent({
      program: await debianSerf(),
      name: 'agent',
      ip: '127.6.8.1',
      tags: { role: 'db' },
    });
    await serf.start();
    try {
      const example = new Example('serf', 'node-app', '127.6.8.2', serf.address);
      await example.prints(/agent joined with tags: .*role=db/);
      const member = (await serf.members()).get('node-app');
      assert.deepEqual(member?.tags, { role: 'web', runtime: 'node' });
      await serf.command('event', 'deploy', 'v1');
      await example.prints('event deploy: v1');
      await eventually('hello', () => serf.log.includes('messageUserEventType: hello'), Boolean);
      assert.equal(await example.stop(), 0);
      await eventually(
        'left',
        async () => (await serf.members()).get('node-app')?.status,
        (status) => status === 'left',
      );
    } finally {
      await serf.kill();
    }
  });

  it('alertmanager: a member that listens', async () => {
    const alertmanager = new Alertmanager({ ip: '127.6.8.11' });
    await alertmanager.start();
    try {
      const example = new Example('alertmanager', 'watcher', '127.6.8.12', alertmanager.address);
      await example.prints(`${alertmanager.name} at ${alertmanager.address} joined`);
      await example.prints('1 Alertmanagers');
      assert.equal((await alertmanager.peers()).length, 2);
      assert.equal(await example.stop(), 0);
    } finally {
      await alertmanager.remove();
    }
  });
});
