/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The HTTP service of the examples as three processes.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../examples/http-service/main.ts', import.meta.url));

class Process {
  output = '';
  readonly name: string;
  readonly child: ChildProcess;

  constructor(t: TestContext, n: number, seeds: string) {
    this.name = `web-${n}`;
    const env = { NAME: this.name, BIND: `127.6.7.${n}`, HTTP: `127.6.7.${n}:8080`, SEEDS: seeds };
    this.child = spawn(process.execPath, ['--import', 'tsx', main], {
      env: { ...process.env, ...env },
    });
    const take = (chunk: Buffer): void => void (this.output += chunk.toString());
    this.child.stdout?.on('data', take);
    this.child.stderr?.on('data', take);
    t.after(() => this.child.kill('SIGKILL'));
  }

  async said(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      assert.equal(this.child.exitCode, null, this.output);
      await wait(20);
    }
  }
}

test(
  'three services list each other, and report a stopped one as left within 2 s',
  { timeout: 60_000 },
  async (t) => {
    // The first has a seed that starts after it.
    const processes = [
      new Process(t, 1, '127.6.7.2'),
      new Process(t, 2, ''),
      new Process(t, 3, '127.6.7.1,127.6.7.2'),
    ];
    const [first, second, third] = processes as [Process, Process, Process];
    for (const each of processes) {
      for (const other of processes) if (other !== each) await each.said(`${other.name} joined`);
    }
    const response = await fetch('http://127.6.7.1:8080/');
    const { name, peers } = (await response.json()) as { name: string; peers: { url: string }[] };
    assert.equal(name, 'web-1');
    assert.deepEqual(peers.map(({ url }) => url).sort(), [
      'http://127.6.7.2:8080',
      'http://127.6.7.3:8080',
    ]);
    assert.equal((await fetch('http://127.6.7.2:8080/healthz')).status, 200);

    const startedAt = performance.now();
    second.child.kill('SIGTERM');
    const [code] = (await once(second.child, 'exit')) as [number | null];
    const tookMs = performance.now() - startedAt;
    assert.equal(code, 0, second.output);
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    await first.said('web-2 left');
    await third.said('web-2 left');
  },
);
