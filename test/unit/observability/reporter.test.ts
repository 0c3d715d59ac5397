/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which reports become log lines, and which lines are suppressed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Report } from '../../../src/core/reports.js';
import { lineLimits } from '../../../src/observability/line-limits.js';
import { printableFields, type ShownError } from '../../../src/observability/printable-fields.js';
import { Reporter } from '../../../src/observability/reporter.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { limits } from '../../../src/wire/limits.js';
import { Log, type Line } from '../memberlist/cluster.js';

class Harness {
  readonly clock = new VirtualClock();
  readonly log = new Log();
  readonly reporter = new Reporter({ logger: this.log, clock: this.clock });

  report(report: Report, times = 1): void {
    for (let i = 0; i < times; i++) this.reporter.report(report);
  }

  /** The lines written since the last call. */
  written(): Line[] {
    return this.log.lines.splice(0);
  }
}

const dropped = (detail: string, reason: 'empty' | 'malformed' = 'malformed'): Report => ({
  code: 'packet-dropped',
  peer: '10.0.0.9:1',
  reason,
  detail,
});
const joined = (peer: string): Report => ({ code: 'member-joined', peer, address: '10.0.0.1:1' });
const foreign = (theirs: string): Report => {
  return { code: 'foreign-label', peer: '10.0.0.9:1', theirs, ours: 'prod' };
};

/** The number of reported lines: the written ones, and the suppressed ones that they count. */
function told(lines: readonly Line[]): number {
  return lines.reduce((sum, { fields }) => sum + 1 + Number(fields.suppressed ?? 0), 0);
}

test('one line is written for each reason, and after 10 s the last one with the count', () => {
  const harness = new Harness();
  for (let i = 0; i < 1_000; i++) harness.report(dropped(`detail ${i}`));
  const [first, ...others] = harness.written();
  assert.match(first?.message ?? '', /10\.0\.0\.9:1 \(malformed\): detail 0$/);
  assert.equal(first?.fields.suppressed, undefined);
  assert.deepEqual(others, []);

  harness.clock.advance(9_999);
  assert.deepEqual(harness.written(), []);
  harness.clock.advance(1);
  const [last, ...more] = harness.written();
  assert.match(last?.message ?? '', /detail 999 \(and 998 more like it\)$/);
  assert.deepEqual([last?.level, last?.fields.suppressed], ['debug', 998]);
  assert.equal(last?.fields.code, 'packet-dropped');
  assert.deepEqual(more, []);
});

test('reasons and codes do not hide each other', () => {
  const harness = new Harness();
  harness.report(dropped('a', 'empty'), 2);
  harness.report(dropped('b', 'malformed'), 2);
  harness.report({ ...dropped('c', 'empty'), code: 'stream-dropped' } as Report, 2);
  assert.equal(harness.written().length, 3);
  harness.clock.advance(limits.logWindowMs);
  assert.equal(harness.written().length, 3);
});

test('a flood produces one line in 10 s, no count is lost, and no timer is left when it ends', () => {
  const harness = new Harness();
  const lines: Line[] = [];
  for (let second = 0; second < 60; second++) {
    harness.report(dropped('flood'), 1_000);
    harness.clock.advance(1_000);
  }
  lines.push(...harness.written());
  assert.ok(lines.length <= 7, `${lines.length} lines`);
  harness.clock.advance(2 * limits.logWindowMs);
  lines.push(...harness.written());
  assert.equal(told(lines), 60_000);
  assert.equal(harness.clock.pending, 0);
});

test('two reports of a kind are two lines, the second one late and without a count', () => {
  const harness = new Harness();
  harness.report(dropped('one'));
  harness.report(dropped('two'));
  harness.clock.advance(limits.logWindowMs);
  const [, second] = harness.written();
  assert.match(second?.message ?? '', /two$/);
  assert.equal(second?.fields.suppressed, undefined);
});

test('a rare line is written at once and sets no timer', () => {
  const harness = new Harness();
  for (let i = 0; i < 5; i++) {
    harness.report(dropped(`${i}`));
    assert.equal(harness.written().length, 1);
    assert.equal(harness.clock.pending, 0);
    harness.clock.advance(limits.logWindowMs);
  }
});

test('closing writes the suppressed lines and leaves no timer, also for later reports', () => {
  const harness = new Harness();
  harness.report(dropped('x'), 10);
  harness.report(joined('a'), limits.logLinesAboutMembers + 5);
  harness.written();
  harness.reporter.close();
  assert.equal(told(harness.written()), 9 + 5);
  assert.equal(harness.clock.pending, 0);
  harness.report(dropped('y'), 10);
  harness.report({ code: 'leave-unfinished', error: new Error('late') });
  assert.deepEqual(
    harness.written().map(({ fields }) => fields.code),
    ['packet-dropped', 'leave-unfinished'],
  );
  assert.equal(harness.clock.pending, 0);
});

test('a hundred lines about members of each kind are written in 10 s', () => {
  const harness = new Harness();
  for (let i = 0; i < 1_000; i++) harness.report(joined(`node-${i}`));
  harness.report({ code: 'member-left', peer: 'node-0' });
  assert.equal(harness.written().length, limits.logLinesAboutMembers + 1);
  harness.clock.advance(limits.logWindowMs);
  const [last] = harness.written();
  assert.match(last?.message ?? '', /node-999 .* \(and 899 more like it\)/);
});

test('lines that timers of the node cause are bounded too, so that a short interval does not flood the log', () => {
  const harness = new Harness();
  harness.report({ code: 'probe-unanswered', peer: 'a', healthScore: 0 }, 200);
  harness.report({ code: 'exchange-failed', peer: 'a', error: new Error('no') }, 200);
  assert.equal(harness.written().length, 20);
});

test('a persistent condition is written once for each peer, and every ten minutes while it persists', () => {
  const harness = new Harness();
  const lines: Line[] = [];
  for (let second = 0; second < 90; second++) {
    harness.report({ code: 'probe-stream-only', peer: 'a' });
    if (second % 2 === 0) harness.report({ code: 'probe-stream-only', peer: 'b' });
    harness.report({ code: 'probe-send-failed', peer: 'a', error: new Error('EPERM') });
    harness.clock.advance(1_000);
  }
  lines.push(...harness.written());
  assert.deepEqual(
    lines.map(({ fields }) => [fields.code, fields.peer]),
    [
      ['probe-stream-only', 'a'],
      ['probe-stream-only', 'b'],
      ['probe-send-failed', 'a'],
    ],
  );
  assert.equal(harness.clock.pending, 0, 'no timer waits for minutes');
  harness.clock.advance(limits.logLastingWindowMs);
  assert.deepEqual(harness.written(), [], 'and nothing is said of what is over');
  harness.report({ code: 'probe-stream-only', peer: 'a' });
  const [again] = harness.written();
  assert.deepEqual([again?.fields.peer, again?.fields.suppressed], ['a', 89]);
  harness.reporter.close();
  assert.equal(told([...lines, again as Line, ...harness.written()]), 90 + 45 + 90 + 1);
});

test('the lines for each peer, and their memory, stay bounded with an unlimited number of names', () => {
  const harness = new Harness();
  for (let i = 0; i < 10_000; i++) harness.report({ code: 'probe-stream-only', peer: `n${i}` });
  const first = harness.written();
  assert.equal(first.length, limits.logPeers + 1);
  assert.equal(harness.clock.pending, 0);
  // Those of an hour ago make room for others, and no count is lost.
  harness.clock.advance(3_600_000);
  for (let i = 0; i < 100; i++) harness.report({ code: 'probe-stream-only', peer: `m${i}` });
  const second = harness.written();
  assert.equal(second.length, limits.logPeers + 1);
  harness.reporter.close();
  assert.equal(told([...first, ...second, ...harness.written()]), 10_100);
});

test('each delegate that throws has its own limit', () => {
  const harness = new Harness();
  for (const callback of ['notifyMsg', 'localState']) {
    harness.report({ code: 'callback-threw', callback, error: new Error('boo') }, 3);
  }
  assert.equal(harness.written().length, 2);
});

test('a foreign label is logged only once, with both labels, at warn', () => {
  const harness = new Harness();
  for (let minute = 0; minute < 100; minute++) {
    harness.report(foreign('test'), 1_000);
    harness.report(foreign(''), 1_000);
    harness.clock.advance(60_000);
  }
  const lines = harness.written();
  assert.deepEqual(
    lines.map(({ level, fields }) => [level, fields.theirs, fields.ours, fields.peer]),
    [
      ['warn', 'test', 'prod', '10.0.0.9:1'],
      ['warn', '', 'prod', '10.0.0.9:1'],
    ],
  );
  assert.match(lines[0]?.message ?? '', /has the label "test", this node has the label "prod"/);
  assert.match(lines[1]?.message ?? '', /has no label, this node has the label "prod"/);
  assert.equal(harness.clock.pending, 0);
});

test('beyond eight foreign labels, further ones are rate-limited like other lines', () => {
  const harness = new Harness();
  for (let i = 0; i < 1_000; i++) harness.report(foreign(`label ${i}`));
  assert.equal(harness.written().length, limits.logForeignLabels + 1);
  harness.clock.advance(limits.logWindowMs);
  const lines = harness.written();
  assert.equal(told(lines), 1_000 - limits.logForeignLabels - 1);
  assert.equal(lines.length, 1);
});

test('text from peers cannot look like a separate line, nor fill the log', () => {
  const harness = new Harness();
  harness.report(joined('evil\r\nERROR all is lost\u001b[31m\u2028\u007f'));
  const [line] = harness.written();
  assert.doesNotMatch(line?.message ?? '', /[\p{Cc}\u2028]/u);
  assert.match(line?.message ?? '', /evil\\u000d\\u000aERROR/);
  harness.report(joined('x'.repeat(60_000)));
  const [long] = harness.written();
  assert.ok((long?.message.length ?? 0) < 1_100);
});

test('text from peers is escaped and cut in fields as in the message', () => {
  const harness = new Harness();
  const evil = 'evil\r\n\u001b[31m\u202egnp\u{e0041}';
  const cause = Object.assign(new Error(`no ${evil}`), { code: 'ECONNRESET' });
  const error = new Error(`${evil}${'x'.repeat(60_000)}`, { cause });
  harness.report({ code: 'rejoin-failed', peer: evil, error });
  harness.report(foreign(`la${evil}`));
  harness.report({ ...joined('y'.repeat(60_000)), address: evil } as Report);
  for (const { message, fields } of harness.written()) {
    for (const text of [message, ...texts(fields)]) {
      assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u);
      assert.ok(text.length <= limits.logLineCharacters + 2, `${text.length} characters`);
    }
  }
});

test('an error is a plain object with type, message, code and stack, and keeps its frames', () => {
  const harness = new Harness();
  const evil = Object.assign(new TypeError('\u001b[2J'), { code: 'EVIL' });
  harness.report({ code: 'internal-error', error: evil });
  const shown = harness.written()[0]?.fields.error as ShownError;
  assert.equal(Object.getPrototypeOf(shown), Object.prototype);
  assert.deepEqual(Object.keys(shown), ['type', 'message', 'code', 'stack']);
  assert.deepEqual([shown.type, shown.message, shown.code], ['TypeError', '\\u001b[2J', 'EVIL']);
  assert.match(shown.stack, /^TypeError: \\u001b\[2J\n {4}at .*reporter\.test/);
  assert.deepEqual(JSON.parse(JSON.stringify(shown)), shown);
  assert.equal(evil.message, '\u001b[2J', 'the error itself is not changed');
});

test('four levels of causes are shown, also for endless chains and for causes that are not errors', () => {
  const loop: Error = new Error('loop');
  loop.cause = loop;
  let shown = printableFields({ error: loop }) as { error?: ShownError };
  let depth = 0;
  for (let each: unknown = shown.error; typeof each === 'object'; depth++) {
    each = (each as ShownError).cause;
  }
  assert.equal(depth, 5);
  shown = printableFields({ error: new Error('x', { cause: 'a\nb' }) });
  assert.equal(shown.error?.cause, 'a\\u000ab');
  shown = printableFields({ error: new Error('x', { cause: { secret: 1 } }) });
  assert.ok(!('cause' in (shown.error ?? {})), 'what else was thrown may be anything');
});

test('an error with a long stack, or with properties that throw, becomes a short line', () => {
  const long = Object.assign(new Error('long'), {
    stack: `Error: long\n${'    at f (x.js:1:1)\n'.repeat(5_000)}`,
  });
  const { error } = printableFields({ error: long }) as { error: ShownError };
  assert.equal(error.stack.split('\n').length, 21);
  const thrower = (): never => {
    throw new Error('gotcha');
  };
  const odd = Object.defineProperties(new Error('odd'), {
    code: { get: thrower },
    cause: { get: thrower },
    name: { get: thrower },
  });
  const fields = printableFields({ error: odd }) as { error: ShownError };
  assert.deepEqual([fields.error.type, fields.error.message], ['Error', 'odd']);
});

test('a line that is not written is not built', () => {
  const log = new Log();
  const logger = Object.assign(log, { isOn: (level: string) => level === 'warn' });
  const reporter = new Reporter({ logger, clock: new VirtualClock() });
  const error = new Error('x');
  Object.defineProperty(error, 'message', { get: () => assert.fail('it was made') });
  reporter.report({ code: 'exchange-failed', peer: 'a', error });
  reporter.report(foreign('test'));
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ['warn'],
  );
});

test('every code has its cause, and codes that peers or the network can cause have a bound', () => {
  const text = readFileSync(new URL('../../../src/core/reports.ts', import.meta.url), 'utf8');
  const codes = new Set(Array.from(text.matchAll(/code: '([a-z-]+)'/g), ([, code]) => code ?? ''));
  assert.deepEqual(Object.keys(lineLimits).sort(), [...codes].sort());
  const unbounded = Object.entries(lineLimits).filter(([, { bound }]) => bound === undefined);
  for (const [code, { cause }] of unbounded) assert.equal(cause, 'local', code);
  // Each of these happens once per node, or once until the condition ends, or at a configured interval.
  assert.deepEqual(unbounded.map(([code]) => code).sort(), [
    'address-gone',
    'address-not-allowed',
    'key-file-mode',
    'key-file-read',
    'leave-unfinished',
    'loopback-advertised',
    'plaintext',
    'public-address',
    'queue-depth',
    'snapshot-corrupt',
    'snapshot-failed',
  ]);
});

/** All texts in fields, including those of errors and their causes. */
function texts(fields: object): string[] {
  return Object.values(fields).flatMap((each: unknown) => {
    if (typeof each === 'string') return [each];
    if (typeof each !== 'object' || each === null) return [];
    const { stack, ...others } = each as { stack?: string };
    return [...(stack?.split('\n') ?? []), ...texts(others)];
  });
}
