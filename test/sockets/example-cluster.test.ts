/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The cluster example as a user without a terminal meets it: it runs its whole scenario and ends
// well, and however it is stopped it leaves no process and no socket behind.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NetTransport } from '../../src/index.js';

const port = 18_946;
const director = fileURLToPath(new URL('../../examples/cluster/main.ts', import.meta.url));
const addresses = [1, 2, 3, 4, 5, 6].map((last) => `127.0.0.${last}`);

/** The running example. */
class Example {
  readonly child: ChildProcess;
  output = '';

  constructor(t: TestContext) {
    this.child = spawn(process.execPath, ['--import', 'tsx', director, '--port', `${port}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const take = (chunk: Buffer): void => void (this.output += chunk.toString());
    this.child.stdout?.on('data', take);
    this.child.stderr?.on('data', take);
    t.after(() => this.child.kill('SIGKILL'));
  }

  /** Resolves once the output contains the text. */
  async said(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      assert.equal(
        this.child.exitCode,
        null,
        `it ended before it printed '${text}':\n${this.output}`,
      );
      await sleep(50);
    }
  }

  /** Its exit code, when it has ended and all of its output is read. */
  async ended(): Promise<number | null> {
    const [code] = (await once(this.child, 'close')) as [number | null];
    return code;
  }

  /** The ids of the node processes, from the output. */
  get nodePids(): number[] {
    return [...this.output.matchAll(/node-\d runs as process (\d+)/g)].map(([, pid]) =>
      Number(pid),
    );
  }
}

test(
  'the example runs its scenario and ends with 0 within 40 s',
  { timeout: 60_000 },
  async (t) => {
    const startedAt = Date.now();
    const example = new Example(t);
    assert.equal(await example.ended(), 0, example.output);
    const { output } = example;
    assert.ok(Date.now() - startedAt < 40_000, `it took ${Date.now() - startedAt} ms`);

    assert.match(output, /✔ five nodes start as five processes +all listen after [\d,]+ ms/);
    assert.match(output, /✔ the others join node-1 +all see all after [\d,]+ ms/);
    assert.match(output, /✔ node-2 updates its metadata +known to all after [\d,]+ ms/);
    assert.match(output, /✔ node-4 is killed with SIGKILL +known to all after [\d,]+ ms/);
    assert.match(output, /✔ node-3 leaves +all saw it leave after [\d,]+ ms/);
    assert.match(output, /✔ node-6 starts and joins +all see it after [\d,]+ ms/);
    assert.match(output, /✔ all nodes agree on the members +4 members in 4 views/);
    assert.match(output, /First suspected by node-\d after [\d,]+ ms, failed by node-\d after/);
    assert.match(output, /^ node-4 .* killed +✖ failed +✖ failed +✖ failed +· unknown$/m);
    assert.match(output, /^ node-3 .* left +○ left +○ left +○ left +· unknown$/m);
    assert.match(output, /^ node-1 .* ms +● alive +● alive/m);
    assert.match(output, /✔ all steps passed/);
    assert.ok(!output.includes('\x1b'), 'no escape sequences where there is no terminal');
    await assertNothingLeft(example);
  },
);

test('an interrupt ends all node processes', { timeout: 30_000 }, async (t) => {
  const example = new Example(t);
  await example.said('✔ join');
  assert.equal(example.nodePids.length, 5, example.output);
  example.child.kill('SIGINT');
  assert.equal(await example.ended(), 130, example.output);
  await assertNothingLeft(example);
});

test('when the director is killed, its nodes end', { timeout: 30_000 }, async (t) => {
  const example = new Example(t);
  await example.said('✔ start');
  example.child.kill('SIGKILL');
  await once(example.child, 'exit');
  const deadline = Date.now() + 5_000;
  while (example.nodePids.some(isRunning) && Date.now() < deadline) await sleep(50);
  await assertNothingLeft(example);
});

test('a port in use is reported, and nothing is started', { timeout: 30_000 }, async (t) => {
  const other = new NetTransport({ bindAddr: '127.0.0.3', bindPort: port });
  await other.start({ packet: () => undefined, stream: (stream) => stream.close() });
  t.after(() => other.shutdown());
  const example = new Example(t);
  assert.equal(await example.ended(), 1, example.output);
  assert.match(example.output, new RegExp(`port ${port} on 127\\.0\\.0\\.3 is in use`));
  assert.deepEqual(example.nodePids, []);
});

async function assertNothingLeft(example: Example): Promise<void> {
  assert.ok(example.nodePids.length >= 5, example.output);
  assert.deepEqual(example.nodePids.filter(isRunning), []);
  for (const bindAddr of addresses) {
    const transport = new NetTransport({ bindAddr, bindPort: port });
    await transport.start({ packet: () => undefined, stream: (stream) => stream.close() });
    await transport.shutdown();
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
