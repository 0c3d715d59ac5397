/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf, table } from '../../../src/cli/table.js';

test('columns are as wide as their widest cell', () => {
  assert.equal(
    table([
      ['a', 'long'],
      ['longer', 'b'],
    ]),
    'a       long\nlonger  b\n',
  );
});

test('wide characters count as two columns and marks as zero, so that columns stay aligned', () => {
  assert.equal(columnsOf('日本'), 4);
  assert.equal(columnsOf('🙂'), 2);
  assert.equal(columnsOf('e\u0301'), 1);
  const lines = table([
    ['NAME', 'STATE'],
    ['日本語', 'alive'],
    ['ünï', 'dead'],
  ]).split('\n');
  assert.deepEqual(lines, ['NAME    STATE', '日本語  alive', 'ünï     dead', '']);
});

test('a long cell is truncated, so that it does not widen every row', () => {
  const rows = Array.from({ length: 100 }, (_, i) => [`n${i}`, 'alive', '']);
  const text = table([['x'.repeat(60_000), 'alive', 'm'.repeat(60_000)], ...rows]);
  assert.ok(text.length < 20_000, `${text.length} characters`);
  assert.match(text, /^x{99}… {2}alive {2}m{1000}/);
});

test('a cell can neither start a new line nor control the terminal', () => {
  const text = table([['evil\r\nFAKE \u001b[2J\u202e', 'alive']]);
  assert.equal(text, 'evil\\u000d\\u000aFAKE \\u001b[2J\\u202e  alive\n');
});
