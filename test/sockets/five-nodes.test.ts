/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm start`, without a terminal: it ends well, and leaves nothing behind when it is interrupted.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';

const PORT = 17_946;
const script = new URL('../../examples/five-nodes/main.ts', import.meta.url).pathname;

interface Run {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves when the output has this. */
  said(text: string): Promise<void>;
}

function start(): Run {
  const args = ['--import', 'tsx', script, `${PORT}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let wake = (): void => undefined;
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    wake();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.once('exit', () => wake());
  return {
    child,
    output: () => output,
    said: async (text) => {
      while (!output.includes(text)) {
        if (child.exitCode !== null) throw new Error(`it ended without '${text}':\n${output}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

async function portsAreFree(): Promise<void> {
  for (let n = 1; n <= 6; n++) {
    const socket = createSocket('udp4');
    socket.bind(PORT, `127.0.0.${n}`);
    await once(socket, 'listening');
    socket.close();
  }
}

test('it shows the whole story and ends with 0 within 40 s', { timeout: 45_000 }, async () => {
  const run = start();
  const [code] = (await once(run.child, 'exit')) as [number];
  assert.equal(code, 0, run.output());
  assert.match(run.output(), /✔ node-4 is killed, without a word\n +suspected first by node-/);
  assert.match(run.output(), /✔ node-3 leaves\n +all know after \d+ ms/);
  assert.match(run.output(), /they agree on node-1, node-2, node-5, node-6/);
  await portsAreFree();
});

test('an interrupt leaves no node behind', { timeout: 30_000 }, async () => {
  const run = start();
  await run.said('node-2 changes its metadata');
  run.child.kill('SIGINT');
  const [code] = (await once(run.child, 'exit')) as [number];
  assert.equal(code, 130, run.output());
  await portsAreFree();
});

test('a port that is taken is said, and it ends with 1', { timeout: 30_000 }, async () => {
  const thief = createSocket('udp4');
  thief.bind(PORT, '127.0.0.2');
  await once(thief, 'listening');
  const run = start();
  const [code] = (await once(run.child, 'exit')) as [number];
  thief.close();
  assert.equal(code, 1);
  assert.match(run.output(), /127\.0\.0\.2:17946.*EADDRINUSE/);
  await portsAreFree();
});
