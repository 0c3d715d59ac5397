/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The default log on stderr, and that a blocked stderr does not harm the process.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('default-log-child.ts', import.meta.url));
const command = [process.execPath, '--import', 'tsx', program];
const red = 'node-memberlist \u001b[31merror\u001b[0m: a listener';
const line =
  /^\d{4}-\d\d-\d\dT[\d:.]+Z node-memberlist error: a listener of 'join' threw: boo\\u001b\[2J; .*\(at .*whenJoined .*default-log-child\.ts:\d+:\d+\)\) \[callback-threw\]$/;

function start(words: readonly string[], env: object = {}): ChildProcessWithoutNullStreams {
  const [node = '', ...others] = [...command, ...words];
  const inherited = Object.entries(process.env).filter(
    ([name]) => !['NO_COLOR', 'FORCE_COLOR', 'DEBUG'].includes(name),
  );
  return spawn(node, others, { env: { ...Object.fromEntries(inherited), ...env } });
}

/** The exit of a child, and all its output. */
async function outcome(
  child: ChildProcessWithoutNullStreams,
): Promise<{ code: number | null; out: string; lines: string[] }> {
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, lines: err.split('\n').filter((each) => each !== '') };
}

test('an exception of a listener is one line, with its location, and without colors', async () => {
  const { code, out, lines } = await outcome(start(['127.7.9.1', 'default']));
  assert.deepEqual([code, out], [0, 'turned\n']);
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0] ?? '', line);
});

test('FORCE_COLOR enables colors', async () => {
  const { lines } = await outcome(start(['127.7.9.1', 'default'], { FORCE_COLOR: '1' }));
  assert.ok(lines[0]?.includes(red), lines[0]);
});

test('logger: false writes nothing', async () => {
  const { code, lines } = await outcome(start(['127.7.9.1', 'false']));
  assert.deepEqual([code, lines], [0, []]);
});

test('a line that DEBUG enables is printed once', async () => {
  const env = { DEBUG: 'memberlist:delegate' };
  const { lines } = await outcome(start(['127.7.9.1', 'default'], env));
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0] ?? '', /memberlist:delegate error a listener of 'join' threw/);
});

test('a closed stderr does not end the process', async () => {
  const child = start(['127.7.9.1', 'default']);
  child.stderr.destroy();
  const { code, out } = await outcome(child);
  assert.deepEqual([code, out], [0, 'turned\n']);
});

test('an unread pipe does not block the process', async () => {
  const child = start(['127.7.9.1', 'default', 'fill']);
  child.stderr.pause();
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.deepEqual([code, out], [0, 'turned\n']);
  child.stderr.destroy();
});

function inTerminal(words: readonly string[]): string[] {
  assert.equal(spawnSync('script', ['--version']).status, 0, 'needs script(1), of util-linux');
  const inner = [...command, ...words].join(' ');
  return ['-qec', `env -u NO_COLOR -u FORCE_COLOR -u DEBUG ${inner}`, '/dev/null'];
}

test('a terminal gets colors', () => {
  const words = inTerminal(['127.7.9.1', 'default']);
  const env = { ...process.env, TERM: 'xterm' };
  const { status, stdout } = spawnSync('script', words, { encoding: 'utf8', env });
  assert.equal(status, 0);
  assert.ok(stdout.includes(red), stdout);
});

test('a stopped terminal does not block the process', async () => {
  const child = spawn('script', inTerminal(['127.7.9.1', 'default', 'fill']), {
    env: { ...process.env, TURNED_FD: '3' },
    stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
  });
  // script's output from the terminal stays in this pipe, so that the terminal fills up.
  child.stdout?.pause();
  const [said] = (await once(child.stdio[3] as Readable, 'data')) as [Buffer];
  assert.equal(said.toString(), 'turned\n');
  child.kill('SIGKILL');
  child.stdout?.destroy();
});
