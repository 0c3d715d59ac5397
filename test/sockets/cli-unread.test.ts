/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Commands whose output is no longer read, as with `| head -1`; and pings without a receiver.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { localConfig, Memberlist, type Node } from '../../src/index.js';

const cli = fileURLToPath(new URL('../interop/our-cli.ts', import.meta.url));
const bindAddr = '127.7.6.1';

function start(...words: string[]): { child: ChildProcessWithoutNullStreams; log: () => string } {
  const child = spawn(process.execPath, ['--import', 'tsx', cli, ...words]);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  return { child, log: () => log };
}

suite('the command line, when its output is closed', () => {
  test('a command ends without an exception', async () => {
    const words = ['--count', '1000', '--interval', '20', '--timeout', '20', '127.7.6.9'];
    const { child, log } = start('ping', ...words);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [status] = (await once(child, 'close')) as [number | null];
    assert.deepEqual([status, log()], [1, '']);
  });

  test('an agent leaves the cluster', async () => {
    await using list = await Memberlist.create({ ...localConfig(), name: 'stays', bindAddr });
    const words = ['--name', 'unread', '--bind', '127.7.6.2', '--join', bindAddr];
    const { child, log } = start('agent', '--preset', 'local', ...words);
    if (list.numMembers < 2) await once(list, 'join');
    child.stdout.destroy();
    const left = once(list, 'leave');
    // Causes output.
    const third = await Memberlist.create({ ...localConfig(), name: 'c', bindAddr: '127.7.6.3' });
    await third.join([bindAddr]);
    assert.deepEqual((await left).slice(1), ['left']);
    const [status] = (await once(child, 'close')) as [number | null];
    assert.deepEqual([status, log()], [0, '']);
    await third.shutdown();
  });
});

suite('an agent whose output is open, but not read', () => {
  for (const kind of ['a pipe', 'a terminal'] as const) {
    test(`stays a member (${kind})`, async () => {
      if (kind === 'a terminal') assert.ok(hasScript(), 'needs script(1), of util-linux');
      const n = kind === 'a pipe' ? 4 : 6;
      const [ours, theirs] = [`127.7.6.${n}`, `127.7.6.${n + 1}`];
      const list = await Memberlist.create({ ...localConfig(), name: 'stays', bindAddr: ours });
      const joined = once(list, 'join');
      const words = [
        'agent',
        '--preset',
        'local',
        '--name',
        'unread',
        '--bind',
        theirs,
        '--join',
        ours,
      ];
      const child = kind === 'a pipe' ? start(...words).child : startInTerminal(...words);
      // From here on the output is not read.
      child.stdout.pause();
      const [node] = (await joined) as [Node];
      let failed = 0;
      list.on('suspect', () => failed++);
      // Each is a line of 90 KB: far more than a pipe, a terminal and the bound hold together.
      for (let i = 0; i < 60; i++) await list.sendReliable(node, Buffer.alloc(65_536, 'x'));
      for (let i = 0; i < 20; i++) await list.ping('unread', node.address);
      assert.equal(failed, 0);
      if (kind === 'a pipe') {
        const left = once(list, 'leave');
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
        child.stdout.resume();
        while (!/"event":"dropped","lines":\d+/.test(text)) await once(child.stdout, 'data');
        child.stdout.removeAllListeners('data');
        child.stdout.pause();
        for (let i = 0; i < 60; i++) await list.sendReliable(node, Buffer.alloc(65_536, 'x'));
        child.kill('SIGTERM');
        const [code] = (await once(child, 'exit')) as [number | null];
        assert.equal(code, 0, 'it does not wait for its reader');
        assert.equal((await left)[1], 'left');
      }
      child.kill('SIGKILL');
      child.stdout.destroy();
      await list.shutdown();
    });
  }
});

function hasScript(): boolean {
  return spawnSync('script', ['--version']).status === 0;
}

function startInTerminal(...words: string[]): ChildProcessWithoutNullStreams {
  const command = [process.execPath, '--import', 'tsx', cli, ...words].join(' ');
  return spawn('script', ['-qfc', command, '/dev/null']);
}

test('ping --tcp reports why it failed, and what to try', async () => {
  const { child, log } = start('ping', '--tcp', '--count', '1', '127.7.6.9');
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  assert.equal(status, 1);
  assert.match(said, /ECONNREFUSED/);
  assert.equal(log(), 'try: node-memberlist doctor 127.7.6.9\n');
});
