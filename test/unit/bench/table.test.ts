/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentOf } from '../../../bench/document.js';
import type { Row } from '../../../bench/rows.js';
import { cellsOf, markdownOf, textOf, valueText, type Section } from '../../../bench/table.js';

const marked: Row = {
  what: 'alive',
  unit: 'ns',
  ours: [500, 600, 700],
  other: { name: 'Go', values: [2000, 2000, 2000] },
  cpuRatios: [0.2, 0.3, 0.4],
  mark: { kind: 'ratio', most: 0.25 },
};
const alone: Row = {
  what: 'turn',
  unit: 'ms',
  ours: [4, 9],
  mark: { kind: 'value', most: 10 },
};
const section: Section = {
  name: 'some',
  title: 'Some figure',
  work: 'What is compared.',
  rows: [marked, alone],
  remarks: ['Go: 1 of 2 runs was given up.'],
  missing: ['200 nodes: could not be taken.'],
};

test('a row shows both sides, ratio, spread, processor time, mark and whether it is met', () => {
  assert.deepEqual(cellsOf(marked), [
    'alive',
    '600 ns',
    '2,000 ns',
    '0.30',
    '0.25 – 0.35',
    '0.30',
    '≤ 0.25 ×',
    'NO',
  ]);
});

test('a row of ours alone has no ratio, and the spread of its own values', () => {
  assert.deepEqual(cellsOf(alone), [
    'turn',
    '6.50 ms',
    '',
    '',
    '4.00 – 9.00',
    '',
    '≤ 10 ms',
    'yes',
  ]);
});

test('a comparison with the floor is marked', () => {
  const row: Row = { ...marked, other: { name: 'floor', values: [2000] } };
  assert.equal(cellsOf(row)[2], '2,000 ns (floor)');
});

test('nothing by nothing is a dash', () => {
  const row: Row = { ...marked, ours: [0], other: { name: 'Go', values: [0] } };
  assert.deepEqual(cellsOf(row).slice(3, 5), ['–', '– – –']);
});

test('numbers have only significant digits', () => {
  const texts = [0, 0.1234, 1.234, 12.34, 123.4, 1234567].map((value) => valueText(value, 'µs'));
  assert.deepEqual(texts, ['0 µs', '0.123 µs', '1.23 µs', '12.3 µs', '123 µs', '1,234,567 µs']);
  assert.equal(valueText(NaN, 's'), '– s');
});

test('the columns of the terminal stand below each other', () => {
  const lines = textOf(section).split('\n');
  assert.equal(lines[0], 'Some figure');
  const ends = lines.slice(1, 4).map((line) => line.trimEnd().length);
  assert.equal(new Set(ends).size, 1, lines.join('\n'));
  assert.equal(lines[4], '! Go: 1 of 2 runs was given up.');
  assert.equal(lines[5], '! 200 nodes: could not be taken.');
});

test('the document has each figure with its work, table, remarks and missing rows', () => {
  const text = markdownOf(section);
  assert.match(text, /^## Some figure\n\nWhat is compared\.\n\n\| {2}\| ours \|/);
  assert.match(text, /\n\| alive \| 600 ns \|/);
  assert.match(text, /\nGo: 1 of 2 runs was given up\.\n\n200 nodes: could not be taken\.\n/);
  for (const line of text.split('\n').filter((each) => each.startsWith('|'))) {
    assert.equal(line.split('|').length, 10, line);
  }
});

test('the document contains the machine and the number of met marks', () => {
  const machine = {
    cpu: 'Some CPU',
    cores: 2,
    memoryGiB: 8,
    load: 0.3,
    system: 'Linux 6, x64',
    node: 'v20.0.0',
    go: 'go1.26.8',
  };
  const text = documentOf([section], {
    machine,
    command: 'npm run bench -- --write',
    notTaken: [],
  });
  assert.match(text, /Some CPU, 2 cores, 8 GiB; Linux 6, x64; Node v20\.0\.0; Go 1\.26\.8\./);
  assert.match(text, /Of 2 marks 1 are met\./);
  assert.doesNotMatch(text, /busy/);
  assert.match(
    documentOf([section], { machine: { ...machine, load: 4 }, command: 'x', notTaken: ['idle'] }),
    /busy .*load 4\.0 on 2 cores/,
  );
  assert.ok(text.includes('`npm run bench -- --write`.\n'));
  const partly = documentOf([section], { machine, command: 'x', notTaken: ['idle', 'join'] });
  assert.match(partly, /Not measured in this run: idle, join\./);
});
