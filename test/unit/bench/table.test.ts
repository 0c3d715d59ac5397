/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { documentOf, type Run } from '../../../bench/document.js';
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

test('a mark of the least ratio is met from the mark on', () => {
  const faster: Row = {
    ...marked,
    unit: 'messages/s',
    other: { name: 'Redis', values: [1000, 1200, 1400] },
    mark: { kind: 'least-ratio', least: 0.5 },
  };
  assert.deepEqual(cellsOf(faster).slice(1, 4), ['600 messages/s', '1,200 messages/s', '0.50']);
  assert.deepEqual(cellsOf(faster).slice(6), ['≥ 0.5 ×', 'yes']);
  assert.equal(cellsOf({ ...faster, ours: [590] })[7], 'NO');
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

const machine = {
  cpu: 'Some CPU',
  cores: 2,
  memoryGiB: 8,
  load: 0.3,
  system: 'Linux 6, x64',
  node: 'v20.0.0',
  go: 'go1.26.8',
};
const another: Section = { ...section, name: 'another', title: 'Another figure', missing: [] };
const figures = [section, another];
const page = (sections: readonly Section[], more: Partial<Run> = {}): string =>
  documentOf(sections, {
    machine,
    command: 'npm run bench -- --write',
    figures,
    previous: undefined,
    ...more,
  });

test('the document contains the machine and the number of met marks', () => {
  const text = page([section, another]);
  assert.match(text, /Some CPU, 2 cores, 8 GiB; Linux 6, x64; Node v20\.0\.0; Go 1\.26\.8\./);
  assert.match(text, /Of 4 marks 2 are met\./);
  assert.doesNotMatch(text, /busy|Not measured|separately/);
  assert.match(
    page([section], { machine: { ...machine, load: 4 } }),
    /busy .*load 4\.0 on 2 cores/,
  );
  assert.ok(text.includes('`npm run bench -- --write`.\n'));
});

test('the document says which figures were not measured', () => {
  assert.match(page([section]), /^Not measured: another\.$/m);
});

test('a run of some figures leaves the others on the page as they are', () => {
  const before = page([section, another]);
  const slower: Section = { ...another, rows: [alone] };
  const text = page([slower], {
    machine: { ...machine, cpu: 'Other CPU' },
    command: 'npm run bench -- --write --only another',
    previous: before,
  });
  const [, some = '', changed = ''] = text.split(/^(?=## )/m);
  assert.ok(before.includes(some), 'the first figure is as it was');
  assert.match(changed, /^Measured separately: Other CPU.*--only another`\.$/m);
  assert.match(text, /^Some CPU.*Of 3 marks 2 are met\.\n\n`npm run bench -- --write`\.$/m);
  assert.doesNotMatch(text, /Not measured/);
});

test('a figure that is new on the page comes to its place', () => {
  const before = page([another]);
  assert.match(before, /Not measured: some/);
  const text = page([section], { previous: before });
  const titles = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  assert.deepEqual(titles, ['Some figure', 'Another figure']);
  assert.doesNotMatch(text, /Not measured/);
  // Once more changes nothing but what was measured again.
  assert.equal(page([section], { previous: text }), text);
});

test('a page of something else is not overwritten', () => {
  assert.throws(
    () => page([section], { previous: '# Something else\n' }),
    /not a page of benchmarks/,
  );
});

test('the page in the repository can be completed by a run of one figure', () => {
  const before = readFileSync('docs/BENCHMARKS.md', 'utf8');
  const titles = [...before.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title);
  const known = titles.map((title) => ({ name: title, title }));
  const text = page([section], { figures: [...known, section], previous: before });
  assert.deepEqual(
    [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title),
    [...titles, 'Some figure'],
  );
  const marksOf = (some: string): number => Number(/Of (\d+) marks/.exec(some)?.[1]);
  assert.equal(marksOf(text), marksOf(before) + 2);
});
