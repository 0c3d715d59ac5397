/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Processes that await their node at the top level of a module when a real signal arrives.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { localConfig, Memberlist } from '../../src/index.js';

const script = fileURLToPath(new URL('./waiting-child.ts', import.meta.url));
const bindAddr = '127.7.4.41';

/** Sends SIGTERM to a process that awaits something of its node; resolves to how it ended. */
async function endOf(what: string[]): Promise<{ code: number | null; output: string }> {
  const child = fork(script, ['127.7.4.42', bindAddr, ...what], {
    execArgv: ['--import', 'tsx', '--no-warnings'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let output = '';
  child.stdout?.on('data', (data) => (output += String(data)));
  await once(child, 'message');
  child.kill('SIGTERM');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

suite('leaveOnSignals while the program awaits its node', () => {
  for (const operation of ['ready', 'join', 'late']) {
    test(`a process that awaits its node at the top level leaves, runs its hook and exits well (${operation})`, async () => {
      await using list = await Memberlist.create({ ...localConfig(), name: 'stays', bindAddr });
      const left = once(list, 'leave');
      assert.deepEqual(await endOf([operation]), { code: 0, output: 'after\n' });
      assert.equal((await left)[1], 'left');
    });
  }

  test('a hook that throws while the program awaits its node makes the code 1', async () => {
    await using list = await Memberlist.create({ ...localConfig(), name: 'stays', bindAddr });
    const left = once(list, 'leave');
    assert.deepEqual(await endOf(['ready', 'throws']), { code: 1, output: '' });
    assert.equal((await left)[1], 'left');
  });
});
