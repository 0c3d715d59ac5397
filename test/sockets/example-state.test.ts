/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The example of shared state as two processes.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../examples/state/main.ts', import.meta.url));

/** Resolves once the process has printed a text; rejects if it ends before. */
async function said(child: ChildProcess, text: RegExp): Promise<void> {
  let output = '';
  const ended = once(child, 'exit').then(() => assert.fail(`it ended: ${output}`));
  const printed = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (text.test(output)) resolve();
    });
  });
  await Promise.race([printed, ended]);
}

test('two instances read what the other one publishes', { timeout: 60_000 }, async (t) => {
  const run = (...words: string[]): ChildProcess => {
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...words]);
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  const one = run('web-1', '127.7.9.1:7946');
  const two = run('web-2', '127.7.9.2:7947', '127.7.9.1:7946');
  await Promise.all([
    said(one, /web-1: load of web-2 is 0/),
    said(two, /web-2: http of web-1 is 8080/),
  ]);
  const exits = [once(one, 'exit'), once(two, 'exit')];
  one.kill('SIGTERM');
  two.kill('SIGTERM');
  await Promise.all(exits);
});
