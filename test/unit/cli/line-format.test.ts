/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../src/cli/command.js';
import { lineFormat } from '../../../src/cli/line-format.js';
import { loggerTo, type LogLine } from '../../../src/cli/log-lines.js';

const pretty = lineFormat('pretty', {}, {});
const json = lineFormat(undefined, {}, {});
const node = {
  name: 'web-1',
  address: '10.0.0.1:7946',
  state: 'alive',
  incarnation: 3,
  meta: 'AA==',
  metaText: 'role=web',
};

/** Without the time of day. */
function bare(text: string): string {
  assert.match(text, /^\d\d:\d\d:\d\d .*\n$/s);
  return text.slice(9);
}

test('in the pretty format an event is one line with its subject', () => {
  assert.equal(
    bare(pretty.event({ event: 'join', node })),
    'join        web-1 at 10.0.0.1:7946, alive [role=web]\n',
  );
  assert.equal(
    bare(pretty.event({ event: 'leave', reason: 'failed', node: { ...node, metaText: '' } })),
    'leave       reason failed  web-1 at 10.0.0.1:7946, alive\n',
  );
  assert.equal(bare(pretty.event({ event: 'left' })), 'left\n');
  assert.equal(
    bare(pretty.event({ event: 'message', from: 'a', text: 'hi', bytes: 'aGk=' })),
    'message     from a  text hi\n',
  );
});

test('in the pretty format replies with several parts are tables, and errors are marked', () => {
  const other = { ...node, name: 'b', address: '10.0.0.22:7946', metaText: '' };
  const reply = bare(pretty.event({ reply: 'members', members: [node, other] }));
  assert.equal(
    reply,
    'members\n  web-1  10.0.0.1:7946   alive  role=web\n  b      10.0.0.22:7946  alive\n',
  );
  assert.equal(
    bare(pretty.event({ reply: 'help', commands: ['  a', '  b'] })),
    'help\n    a\n    b\n',
  );
  assert.equal(bare(pretty.event({ reply: 'members', members: [] })), 'members\n');
  assert.equal(bare(pretty.event({ error: 'there is none' })), 'error       there is none\n');
  assert.equal(bare(pretty.event({ reply: 'ping', ms: 1.5 })), 'ping        ms 1.5\n');
});

test('in the pretty format no text of a peer can control the terminal', () => {
  const evil = 'e\u001b[2J\nvil\u202e';
  const peer = { ...node, name: evil, address: evil, metaText: evil };
  for (const line of [
    { event: 'join', node: peer },
    { event: evil, text: evil, failures: [{ message: evil }], members: [peer, evil] },
    { error: evil },
  ]) {
    assert.doesNotMatch(pretty.event(line).replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
  }
  const log: LogLine = { time: '', level: 'warn', message: evil };
  assert.doesNotMatch(pretty.logLine(log).trimEnd(), /[\p{Cc}\p{Cf}]/u);
});

test('the default format is pretty at a terminal and JSON elsewhere', () => {
  const event = { event: 'left' };
  const isJson = (format: string | undefined, isTTY?: boolean): boolean =>
    lineFormat(format, isTTY === undefined ? {} : { isTTY }, {}).event(event) ===
    '{"event":"left"}\n';
  assert.deepEqual(
    [isJson(undefined), isJson(undefined, false), isJson(undefined, true)],
    [true, true, false],
  );
  assert.deepEqual([isJson('json', true), isJson('pretty', false)], [true, false]);
  assert.throws(() => lineFormat('xml', {}), UsageError);
});

test('output is colored only at a terminal', () => {
  const line = { event: 'left' };
  assert.ok(lineFormat('pretty', { isTTY: true }, {}).event(line).includes('\u001b[1mleft'));
  assert.ok(
    !lineFormat('pretty', { isTTY: true }, { NO_COLOR: '1' }).event(line).includes('\u001b'),
  );
});

test('log lines have their level, and in JSON the error with its parts', () => {
  const lines: string[] = [];
  const error = { type: 'Error', message: 'no', stack: 'Error: no' };
  for (const format of [pretty, json]) {
    const logger = loggerTo((line) => void lines.push(format.logLine(line)), 'warn');
    logger.info('not this');
    logger.warn('a message', { code: 'x', error });
  }
  assert.equal(bare(lines[0] ?? ''), 'warn        a message\n');
  const { time, ...rest } = JSON.parse(lines[1] ?? '') as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-/);
  assert.deepEqual(rest, { level: 'warn', message: 'a message', code: 'x', error });
  assert.equal(lines.length, 2);
});
