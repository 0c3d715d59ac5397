/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions, UsageError } from '../../../bench/options.js';

const figures = ['encode', 'decode', 'idle'];
const read = (...words: string[]) => readOptions(words, figures);

test('without arguments all figures run, compared with the other programs', () => {
  assert.deepEqual(read(), {
    only: [],
    rounds: undefined,
    quick: false,
    withOthers: true,
    json: undefined,
    write: false,
    help: false,
  });
});

test('all options together', () => {
  const options = read(
    '--only',
    'encode,idle',
    '--rounds',
    '3',
    '--quick',
    '--no-go',
    '--json',
    'f',
  );
  assert.deepEqual(options.only, ['encode', 'idle']);
  assert.deepEqual([options.rounds, options.quick], [3, true]);
  assert.deepEqual([options.withOthers, options.json], [false, 'f']);
});

test('a figure that there is not is refused with those that there are', () => {
  assert.throws(
    () => read('--only', 'encode,encdoe'),
    (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.message, '--only: no figure encdoe; there are encode, decode, idle');
      return true;
    },
  );
});

test('an empty list of figures is rejected', () => {
  assert.throws(() => read('--only', ','), /--only needs names of figures: encode, decode, idle/);
});

test('rounds are a whole number', () => {
  for (const rounds of ['0', '-1', '1.5', 'many', '', '1e9']) {
    assert.throws(() => read(`--rounds=${rounds}`), UsageError, rounds);
  }
  assert.equal(read('--rounds', '20').rounds, 20);
});

test('the document requires Go and a full run', () => {
  assert.equal(read('--write').write, true);
  for (const words of [['--quick'], ['--no-go']]) {
    assert.throws(() => read('--write', ...words), /--write needs a full measurement/);
  }
});

test('unknown words are refused', () => {
  assert.throws(() => read('--onyl', 'encode'), UsageError);
  assert.throws(() => read('encode'), UsageError);
});
