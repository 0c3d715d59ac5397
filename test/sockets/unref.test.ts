/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { localConfig, Memberlist } from '../../src/index.js';

const script = fileURLToPath(new URL('./unref-child.ts', import.meta.url));
const bindAddr = '127.7.10.1';

function child(...words: string[]): ChildProcess {
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  return spawn(process.execPath, ['--import', 'tsx', script, ...words], { stdio: [...stdio] });
}

suite('unref', () => {
  test('a process ends by itself although its node is in a cluster', async () => {
    await using list = await Memberlist.create({
      ...{ ...localConfig(), name: 'stays', bindAddr, bindPort: 0 },
    });
    const [code] = (await once(child('127.7.10.2', list.localNode.address), 'exit')) as [number];
    assert.equal(code, 0);
  });

  test('ref keeps the process alive again', async () => {
    await using list = await Memberlist.create({
      ...{ ...localConfig(), name: 'stays', bindAddr, bindPort: 0 },
    });
    const stays = child('127.7.10.3', list.localNode.address, 'ref');
    const ended = once(stays, 'exit');
    await once(stays.stdout!, 'data');
    // Another process, without ref, ends meanwhile.
    await once(child('127.7.10.4', list.localNode.address), 'exit');
    await list.ping('127.7.10.3');
    assert.deepEqual([stays.exitCode, stays.signalCode], [null, null]);
    stays.kill();
    await ended;
  });
});
