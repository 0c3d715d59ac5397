/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/STATE.md lists the metrics, log codes and options of the code.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { stateCounters, stateGauges, stateLogCodes } from '../../../src/state/meters.js';

const page = readFileSync(new URL('../../../docs/STATE.md', import.meta.url), 'utf8');
/** The rows of all tables by their first cell. */
const rows = new Map(
  Array.from(page.matchAll(/^\| `([^`]+)` .*?\| *(.*?) *\|$/gm), ([, name = '', text = '']) => [
    name,
    text,
  ]),
);

test('every metric is listed with its meaning', () => {
  for (const [name, help] of [...Object.values(stateCounters), ...Object.values(stateGauges)]) {
    assert.match(rows.get(name) ?? '', /^(counter|gauge) +\| /, name);
    assert.ok(rows.get(name)?.endsWith(`| ${help}`), name);
  }
});

test('every log code is listed with its meaning', () => {
  for (const [code, meaning] of Object.entries(stateLogCodes)) {
    assert.equal(rows.get(code), meaning, code);
  }
});

test('every option is listed', () => {
  const source = readFileSync(new URL('../../../src/state/state.ts', import.meta.url), 'utf8');
  const [, options = ''] = /interface StateOptions[^{]*{([^]*?)\n}/.exec(source) ?? [];
  const names = Array.from(options.matchAll(/readonly (\w+)\?: /g), ([, name = '']) => name);
  assert.ok(names.length >= 8);
  for (const name of names) assert.ok(rows.has(name), name);
});
