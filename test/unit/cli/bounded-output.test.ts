/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The output of an agent, when it is read late or not at all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedOutput, MOST_WAITING_BYTES } from '../../../src/cli/bounded-output.js';
import type { Output } from '../../../src/cli/command.js';

/** A pipe: what is written waits until it is read. */
class Pipe implements Output {
  readonly _handle = { setBlocking: (on: boolean) => void (this.blocks = on) };
  blocks = true;
  waiting: string[] = [];
  read: string[] = [];
  #taken: (() => void)[] = [];
  #drain: () => void = () => undefined;

  get writableLength(): number {
    return this.waiting.reduce((sum, { length }) => sum + length, 0);
  }
  write(text: string, taken?: () => void): void {
    this.waiting.push(text);
    if (taken !== undefined) this.#taken.push(taken);
  }
  on(event: string, listener: () => void): void {
    if (event === 'drain') this.#drain = listener;
  }
  readAll(): void {
    this.read.push(...this.waiting.splice(0));
    this.#drain();
    for (const taken of this.#taken.splice(0)) taken();
  }
}

const told = (dropped: number): string => `${dropped} dropped\n`;

test('an output that is not read blocks nobody: past its bound lines are dropped, and counted', () => {
  const pipe = new Pipe();
  const output = new BoundedOutput(pipe, { told });
  assert.equal(pipe.blocks, false, 'writing to a terminal does not block');
  const line = 'x'.repeat(999) + '\n';
  for (let i = 0; i < 10_000; i++) output.write(line);
  assert.ok(pipe.writableLength <= MOST_WAITING_BYTES + line.length);
  const kept = pipe.waiting.length;
  assert.equal(output.dropped, 10_000 - kept);

  pipe.readAll();
  assert.deepEqual(
    pipe.waiting,
    [told(10_000 - kept)],
    'the number is told as soon as there is room',
  );
  output.write('next\n');
  pipe.readAll();
  assert.deepEqual(pipe.read.slice(kept), [told(10_000 - kept), 'next\n']);
  assert.equal(output.dropped, 0);
});

test('the end waits for what was written last, but not for a reader that is not there', async () => {
  const pipe = new Pipe();
  const output = new BoundedOutput(pipe, { told });
  assert.equal(await output.flushed(0), true);
  output.write('last\n');
  const isRead = output.flushed(60_000);
  pipe.readAll();
  assert.equal(await isRead, true);
  output.write('never read\n');
  // The output of this test keeps the process alive, as a pipe that waits does.
  const alive = setInterval(() => undefined, 1_000);
  assert.equal(await output.flushed(1), false);
  clearInterval(alive);
});

test('what is no stream of the process is written to as it is', async () => {
  let text = '';
  const output = new BoundedOutput({ write: (line) => (text += line) }, { told });
  output.write('a\n');
  assert.equal(await output.flushed(0), true);
  assert.equal(text, 'a\n');
});
