/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type Row } from '../../../bench/rows.js';

const row: Row = {
  what: 'something',
  unit: 'ns',
  ours: [10, 20, 90],
  other: { name: 'Go', values: [40, 50, 60] },
};

test('a row is the ratio of the medians, with the spread of the rounds', () => {
  const { ours, other, ratio, spread } = judge(row);
  assert.deepEqual([ours, other, ratio], [20, 50, 0.4]);
  assert.deepEqual(spread, { least: 0.25, most: 1.5 });
});

test('a mark of a ratio is met at the mark and missed beyond it', () => {
  assert.equal(judge({ ...row, mark: { kind: 'ratio', most: 0.4 } }).met, true);
  assert.equal(judge({ ...row, mark: { kind: 'ratio', most: 0.39 } }).met, false);
});

test('a mark of a value looks at ours alone', () => {
  assert.equal(judge({ ...row, mark: { kind: 'value', most: 20 } }).met, true);
  assert.equal(judge({ ...row, mark: { kind: 'value', most: 19 } }).met, false);
});

test('without a mark nothing is met or missed', () => {
  assert.equal(judge(row).met, undefined);
});

test('an undefined ratio is neither met nor missed', () => {
  for (const other of [undefined, { name: 'Go', values: [] } as const]) {
    const verdict = judge({ ...row, other, mark: { kind: 'ratio', most: 1 } });
    assert.equal(verdict.ratio, undefined);
    assert.equal(verdict.met, undefined);
    assert.deepEqual(verdict.spread, { least: 10, most: 90 });
  }
});

test('a mark of a value is judged without another side too', () => {
  const verdict = judge({ ...row, other: undefined, mark: { kind: 'value', most: 15 } });
  assert.equal(verdict.met, false);
});

test('where the largest counts, it is taken on both sides', () => {
  const verdict = judge({ ...row, by: 'largest', mark: { kind: 'value', most: 89 } });
  assert.deepEqual([verdict.ours, verdict.other, verdict.met], [90, 60, false]);
});

test('a ratio of nothing by nothing does not meet its mark', () => {
  const other = { name: 'Go', values: [0] } as const;
  assert.equal(judge({ ...row, ours: [0], other, mark: { kind: 'ratio', most: 1 } }).met, false);
});
