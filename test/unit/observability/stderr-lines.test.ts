/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StderrLines } from '../../../src/observability/stderr-lines.js';
import { showsColors } from '../../../src/runtime/colors.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { limits } from '../../../src/wire/limits.js';

class Harness {
  readonly clock = new VirtualClock();
  readonly lines: string[] = [];
  takes = true;
  readonly stderr: StderrLines;

  constructor({ isTerminal = false, env = {} }: { isTerminal?: boolean; env?: object } = {}) {
    const write = (line: string): boolean => {
      if (this.takes) this.lines.push(line);
      return this.takes;
    };
    this.stderr = new StderrLines({
      output: { isTerminal, write },
      clock: this.clock,
      timeOfDay: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
      env: env as Record<string, string>,
    });
  }

  /** The lines written since the last call. */
  written(): string[] {
    return this.lines.splice(0);
  }
}

test('a line has the time, the level, the message and the code', () => {
  const harness = new Harness();
  harness.stderr.write('warn', 'a %s message', { code: 'plaintext', peer: 'x' });
  harness.stderr.write('error', 'another');
  assert.deepEqual(harness.written(), [
    '2026-01-02T03:04:05.006Z node-memberlist warn: a %s message [plaintext]',
    '2026-01-02T03:04:05.006Z node-memberlist error: another',
  ]);
});

test('an error line includes the place where it was thrown', () => {
  const harness = new Harness();
  const stack = [
    'TypeError: no',
    '    at JSON.parse (<anonymous>)',
    '    at process.emit (node:events:1:1)',
    '    at onJoin (/app/\u001bserver.js:3:5)',
    '    at other (/app/other.js:1:1)',
  ].join('\n');
  const fields = { code: 'callback-threw', error: { type: 'TypeError', message: 'no', stack } };
  harness.stderr.write('error', "a listener of 'join' threw: no", fields);
  harness.stderr.write('warn', 'no place', fields);
  const [line, other] = harness.written();
  assert.match(
    line ?? '',
    /threw: no \(at onJoin \(\/app\/\\u001bserver\.js:3:5\)\) \[callback-threw\]$/,
  );
  assert.match(other ?? '', /no place \[callback-threw\]$/);
  harness.stderr.write('error', 'odd', { error: { stack: 5 } });
  assert.match(harness.written()[0] ?? '', /error: odd$/);
});

test('the place where an anonymous listener threw is that listener', () => {
  const harness = new Harness();
  const stack = [
    'Error: no',
    '    at Memberlist.<anonymous> (file:///app/server.js:3:5)',
    '    at Memberlist.emitSafely (file:///app/node_modules/node-memberlist/dist/member-events.js:1:1)',
  ].join('\n');
  harness.stderr.write('error', 'threw', { error: { type: 'Error', message: 'no', stack } });
  assert.match(
    harness.written()[0] ?? '',
    /\(at Memberlist\.<anonymous> \(file:.*server\.js:3:5\)\)$/,
  );
});

test('terminal control characters are escaped, and a line has no breaks and a bounded length', () => {
  const harness = new Harness();
  harness.stderr.write('warn', `evil\r\n\u001b[2J\u202e${'x'.repeat(100_000)}`);
  const [line = ''] = harness.written();
  assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  assert.ok(line.length < 2_200, `${line.length} characters`);
});

test('a flood is a bounded number of lines in 10 s, then a count, and leaves no timer', () => {
  const harness = new Harness();
  for (let i = 0; i < 1_000; i++) harness.stderr.write('warn', `line ${i}`);
  assert.equal(harness.written().length, limits.logStderrLines);
  harness.clock.advance(limits.logWindowMs);
  const [line, ...more] = harness.written();
  assert.match(
    line ?? '',
    new RegExp(`warn: ${1_000 - limits.logStderrLines} more lines were suppressed`),
  );
  assert.deepEqual(more, []);
  assert.equal(harness.clock.pending, 0);
  harness.clock.advance(5 * limits.logWindowMs);
  harness.stderr.write('warn', 'after it');
  assert.match(harness.written().join(), /warn: after it$/);
});

test('a continuing flood stays within the bound, and every line is counted', () => {
  const harness = new Harness();
  let told = 0;
  let lines = 0;
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 50; i++) harness.stderr.write('error', 'again');
    harness.clock.advance(1_000);
  }
  harness.clock.advance(limits.logWindowMs);
  for (const line of harness.written()) {
    lines++;
    told += line.endsWith('again') ? 1 : Number(/(\d+) more/.exec(line)?.[1]);
  }
  assert.equal(told, 3_000);
  assert.ok(lines <= 7 * (limits.logStderrLines + 1), `${lines} lines`);
});

test('lines that stderr does not accept are counted as suppressed', () => {
  const harness = new Harness();
  harness.takes = false;
  harness.stderr.write('warn', 'lost');
  assert.deepEqual(harness.written(), []);
  harness.takes = true;
  harness.clock.advance(limits.logWindowMs);
  assert.match(harness.written().join(), /1 more line was suppressed/);
});

test('a terminal gets colors by default', () => {
  const colored = new Harness({ isTerminal: true });
  colored.stderr.write('warn', 'x');
  colored.stderr.write('error', 'y');
  assert.deepEqual(
    colored.written().map((line) => line.replaceAll('\u001b', '^')),
    [
      '^[2m2026-01-02T03:04:05.006Z^[0m node-memberlist ^[33mwarn^[0m: x',
      '^[2m2026-01-02T03:04:05.006Z^[0m node-memberlist ^[31merror^[0m: y',
    ],
  );
  const plain = new Harness({ isTerminal: true, env: { NO_COLOR: '1' } });
  plain.stderr.write('warn', 'x');
  assert.ok(!plain.written().join().includes('\u001b'));
});

test('NO_COLOR, FORCE_COLOR and TERM control colors', () => {
  for (const [isTerminal, env, expected] of [
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '' }, true],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [true, { FORCE_COLOR: 'false' }, false],
    [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ] as const) {
    assert.equal(showsColors(isTerminal, env), expected, JSON.stringify([isTerminal, env]));
  }
});
