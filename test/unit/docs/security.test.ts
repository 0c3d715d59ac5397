/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/SECURITY.md: each of its steps has a test with that name, and everything that it names exists.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { amplificationRows, amplifications } from './amplification.js';
import { metricDefinitions } from '../../../src/observability/metric-definitions.js';

const root = new URL('../../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const security = read('docs/SECURITY.md');
const sockets = readdirSync(join(root, 'test/sockets')).filter((name) =>
  /^security-.*\.test\.ts$/.test(name),
);

function matches(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, name = '']) => name).sort();
}

test('every numbered step has a test with its name, and every such test has its step', () => {
  const steps = matches(security, /^- \*\*([A-Z]\d+)\.\*\* /gm);
  const tests = sockets.flatMap((name) =>
    matches(read(`test/sockets/${name}`), /^test\('([A-Z]\d+): /gm),
  );
  assert.deepEqual(steps, ['E1', 'E2', 'E3', 'P1', 'P2', 'P3', 'R1', 'R2', 'R3']);
  assert.deepEqual(tests.sort(), steps);
});

test('the steps of a procedure are in order, and the text refers only to existing steps', () => {
  const steps = new Set(matches(security, /^- \*\*([A-Z]\d+)\.\*\* /gm));
  for (const mentioned of matches(security, /\b([REP]\d)\b/g)) {
    assert.ok(steps.has(mentioned), mentioned);
  }
  for (const letter of ['R', 'E', 'P']) {
    const order = [...security.matchAll(new RegExp(`^- \\*\\*${letter}(\\d)\\.`, 'gm'))];
    assert.deepEqual(
      order.map(([, number]) => Number(number)),
      [1, 2, 3],
    );
  }
});

test('the documented amplification is the measured one', () => {
  const cells = (row: string): string => row.replace(/ +/g, ' ');
  const rows = security.split('\n').map(cells);
  for (const row of amplificationRows()) assert.ok(rows.includes(cells(row)), row);
});

test('without a forged source address an attacker gains almost no amplification in bytes', () => {
  for (const { what, bytesIn, bytesOut, packetsOut } of amplifications().slice(0, -1)) {
    assert.ok(bytesOut <= 1.4 * bytesIn && packetsOut <= 2, what);
  }
});

test('the files and metrics that it names exist', () => {
  for (const name of matches(security, /`(security-[\w-]+\.test\.ts)`/g)) {
    assert.ok(sockets.includes(name), name);
  }
  for (const link of matches(security, /\]\(([^)#:]+)\)/g)) {
    assert.ok(existsSync(join(root, 'docs', link)), link);
  }
  const metrics = new Set(metricDefinitions.map(({ name }) => name));
  const named = matches(security, /`(?:memberlist_)?(\w+_total)(?:\{[\w-]+\})?`/g);
  assert.ok(named.length > 5);
  for (const name of named) assert.ok(metrics.has(name), name);
  const reasons = matches(security, /`drops_total\{([\w-]+)\}`/g);
  const known = read('src/core/counters.ts') + read('src/wire/wire-error.ts');
  for (const reason of reasons) assert.ok(known.includes(`'${reason}'`), reason);
});
