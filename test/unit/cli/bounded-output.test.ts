/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The output of an agent that is read late or not at all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedOutput, MAX_WAITING_BYTES } from '../../../src/cli/bounded-output.js';
import type { Output } from '../../../src/cli/command.js';

/** A pipe: written text waits until it is read. */
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

const formatDropped = (dropped: number): string => `${dropped} dropped\n`;

test('an output that is not read does not block: beyond the limit lines are dropped and counted', () => {
  const pipe = new Pipe();
  const output = new BoundedOutput(pipe, { formatDropped });
  assert.equal(pipe.blocks, false, 'writing to a terminal does not block');
  const line = 'x'.repeat(999) + '\n';
  for (let i = 0; i < 10_000; i++) output.write(line);
  assert.ok(pipe.writableLength <= MAX_WAITING_BYTES + line.length);
  const kept = pipe.waiting.length;
  assert.equal(output.dropped, 10_000 - kept);

  pipe.readAll();
  assert.deepEqual(
    pipe.waiting,
    [formatDropped(10_000 - kept)],
    'the number is reported as soon as there is room',
  );
  output.write('next\n');
  pipe.readAll();
  assert.deepEqual(pipe.read.slice(kept), [formatDropped(10_000 - kept), 'next\n']);
  assert.equal(output.dropped, 0);
});

test('flushed() waits until the last lines are read, but not for a missing reader', async () => {
  const pipe = new Pipe();
  const output = new BoundedOutput(pipe, { formatDropped });
  assert.equal(await output.flushed(0), true);
  output.write('last\n');
  const isRead = output.flushed(60_000);
  pipe.readAll();
  assert.equal(await isRead, true);
  output.write('never read\n');
  // The output of this test keeps the process alive, like a waiting pipe.
  const alive = setInterval(() => undefined, 1_000);
  assert.equal(await output.flushed(1), false);
  clearInterval(alive);
});

test('an output that is not a stream of the process is written to directly', async () => {
  let text = '';
  const output = new BoundedOutput({ write: (line) => (text += line) }, { formatDropped });
  output.write('a\n');
  assert.equal(await output.flushed(0), true);
  assert.equal(text, 'a\n');
});
