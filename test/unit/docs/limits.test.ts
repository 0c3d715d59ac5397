/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/LIMITS.md matches the code.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { busLimits } from '../../../src/bus/limits.js';
import { serfLimits } from '../../../src/serf/limits.js';
import { stateLimits } from '../../../src/state/limits.js';
import { limits } from '../../../src/wire/limits.js';

const root = new URL('../../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const units: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 * 1024 };

interface Row {
  readonly key: string;
  readonly value: number;
  readonly why: string;
  readonly pastIt: string;
}

/** The rows of all tables that begin with a name in backticks. */
function rows(): Row[] {
  const lines = read('docs/LIMITS.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  return lines.map((line) => {
    const [name = '', value = '', why = '', pastIt = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    const [number = '', unit = ''] = value.split(' ');
    const amount = Number(number.replaceAll(',', '')) * (units[unit] ?? NaN);
    return { key: name.replaceAll('`', ''), value: amount, why, pastIt };
  });
}

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else yield path;
  }
}

test('every limit is documented with its value, and nothing else is', () => {
  const documented = rows().map(({ key, value }) => [key, value] as const);
  const sorted = (entries: Iterable<readonly [string, number]>) => [...entries].sort();
  assert.deepEqual(sorted(documented), sorted([...Object.entries(limits), ...ofExtensions]));
});

/** The page names them with their extension. */
const ofExtensions = Object.entries({ bus: busLimits, serf: serfLimits, state: stateLimits }).flatMap(
  ([extension, ofIt]) =>
    Object.entries(ofIt).map(([key, value]): [string, number] => [
      `${extension}${key.charAt(0).toUpperCase()}${key.slice(1)}`,
      value,
    ]),
);

test('every limit has a reason and a description of what happens beyond it', () => {
  for (const { key, why, pastIt } of rows()) {
    assert.ok(why.length > 20 && pastIt.length > 3, key);
  }
});

test('the drop reasons that the page names exist', () => {
  const reasons = read('src/core/counters.ts') + read('src/wire/wire-error.ts');
  const named = rows().flatMap(({ pastIt }) => pastIt.match(/(?<=`)[a-z]+(-[a-z]+)*(?=`)/g) ?? []);
  assert.ok(named.length > 12);
  for (const reason of named) assert.ok(reasons.includes(`'${reason}'`), reason);
});

test('every limit is used in the code', () => {
  const code = [...sources('src')]
    .filter((path) => path !== 'src/wire/limits.ts')
    .map(read)
    .join('\n');
  for (const key of Object.keys(limits)) assert.ok(code.includes(`limits.${key}`), key);
  for (const key of Object.keys(busLimits)) assert.ok(code.includes(`busLimits.${key}`), key);
  for (const key of Object.keys(serfLimits)) assert.ok(code.includes(`serfLimits.${key}`), key);
  for (const key of Object.keys(stateLimits)) assert.ok(code.includes(`stateLimits.${key}`), key);
});
