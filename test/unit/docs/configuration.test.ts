/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/CONFIGURATION.md has every field and no other, and the defaults of the code.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  defaultRejoin,
  lanConfig,
  localConfig,
  wanConfig,
  type PresetConfig,
} from '../../../src/config/presets.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { rules } from '../../../src/config/rules.js';
import {
  confirmationsWanted,
  pushPullScale,
  retransmitLimit,
  suspicionMinMs,
} from '../../../src/core/lifeguard/formulas.js';
import { ConfigError } from '../../../src/errors.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { systemRandom } from '../../../src/runtime/system-random.js';

const root = new URL('../../../', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/CONFIGURATION.md'), 'utf8');
const presets = { LAN: lanConfig(), WAN: wanConfig(), local: localConfig() };

/** The cells of the rows of a section's tables. */
function rowsOf(section: string): string[][] {
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| -'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), rowsOf(section)]),
);
const defaults = new Map(
  (sections.get('All defaults') ?? [])
    .slice(1)
    .map(([name = '', unit = '', range = '', ...values]) => [
      name.replaceAll('`', ''),
      { unit, range, values },
    ]),
);
/** The rows that describe each field. */
const entries = [...sections.values()]
  .flat()
  .filter(({ length, 0: name = '' }) => length === 4 && name.startsWith('`'));

/** The names of the options of a field, from the error message about an unknown option. */
function optionNamesOf(field: 'rejoin' | 'metrics' | 'snapshot'): string[] {
  try {
    resolveConfig({ [field]: { path: 'x', wrong: 1 } });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    const listed = /the (?:only option is|options are) ([\w, ]+)/.exec(error.message)?.[1] ?? '';
    return listed.split(', ').map((option) => `${field}.${option}`);
  }
  throw new Error(`${field} takes anything`);
}

/** A value as the page shows it. */
function shown(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en-US');
  return value === '' ? 'none' : `\`${String(value)}\``;
}

const optionNames = (['rejoin', 'metrics', 'snapshot'] as const).flatMap(optionNamesOf);
const fields = [...Object.keys(rules), ...optionNames].sort();

test('every field has one entry with all cells filled, and there is no other entry', () => {
  assert.ok(optionNames.includes('rejoin.forgetAfter') && optionNames.includes('metrics.prefix'));
  assert.deepEqual(entries.map(([name = '']) => name.replaceAll('`', '')).sort(), fields);
  for (const [name = '', ...cells] of entries) {
    for (const cell of cells) assert.ok(cell.length > 4, name);
  }
});

test('the table of defaults has every field, and no other', () => {
  const withoutParents = fields.filter((field) => !['rejoin', 'snapshot'].includes(field));
  assert.deepEqual([...defaults.keys()].sort(), withoutParents);
});

test('the documented defaults are those of the code, for each preset', () => {
  const plain = Object.keys(presets.LAN).filter((field) => field !== 'rejoin');
  assert.ok(plain.length > 25);
  for (const field of plain as (keyof PresetConfig)[]) {
    const [lan, wan, local] = Object.values(presets).map((preset) => shown(preset[field]));
    const expected = [lan, wan === lan ? '' : wan, local === lan ? '' : local];
    assert.deepEqual(defaults.get(field)?.values, expected, field);
  }
  for (const [option, value] of Object.entries(defaultRejoin)) {
    assert.deepEqual(defaults.get(`rejoin.${option}`)?.values, [shown(value), '', ''], option);
  }
  for (const preset of Object.values(presets))
    assert.deepEqual(preset.rejoin, { ...defaultRejoin });
});

test('for a field without a default in the presets the table has "none" or the effective value', () => {
  const resolved = resolveConfig({});
  const inWords: Readonly<Record<string, string>> = {
    advertiseAddr: 'bound IP',
    advertisePort: 'bound port',
    expectedMembers: 'observed',
    transport: '`NetTransport`',
    logger: 'stderr, `debug`',
  };
  const filledIn = new Map<string, readonly [value: unknown, words: string]>([
    ['name', [hostname(), 'host name']],
    ['clock', [systemClock, 'system clock']],
    ['random', [systemRandom, '`Math.random`']],
    ['use', [resolved.use, 'none']],
  ]);
  for (const field of Object.keys(rules) as (keyof typeof rules)[]) {
    if (field in presets.LAN || field === 'snapshot') continue;
    const [value, words] = filledIn.get(field) ?? [];
    if (field !== 'secretKey') assert.equal(resolved[field], value, field);
    const expected = words ?? inWords[field] ?? 'none';
    assert.deepEqual(defaults.get(field)?.values, [expected, '', ''], field);
  }
});

test('the unit of durations is milliseconds', () => {
  const durations = fields.filter((field) => /(Interval|Timeout|Time)$/.test(field));
  assert.ok(durations.length > 7);
  for (const field of durations) assert.equal(defaults.get(field)?.unit, 'ms', field);
});

/** Values at the bounds of a documented numeric range: the accepted and the refused ones; undefined without a range. */
function boundsOf(range: string): { accepted: number[]; refused: number[] } | undefined {
  const numbers = (range.match(/\d[\d,]*/g) ?? []).map((text) => Number(text.replaceAll(',', '')));
  const [low = 0, high = low] = numbers;
  if (range.startsWith('> '))
    return { accepted: [low + 1e-3, 2 ** 31 - 1], refused: [low, 2 ** 31] };
  if (range.startsWith('≥ ')) return { accepted: [low, low + 100], refused: [low - 1] };
  if (!/^[\d,]+–[\d,]+$/.test(range)) return undefined;
  return { accepted: [low, high], refused: [low - 1, high + 1] };
}

test('the documented ranges are those of the rules', () => {
  let checked = 0;
  for (const [field, { range }] of defaults) {
    const bounds = boundsOf(range);
    if (bounds === undefined) continue;
    const [name, option] = field.split('.') as [keyof typeof rules, string?];
    const problem = (value: number): string | undefined =>
      rules[name](option === undefined ? value : { [option]: value });
    for (const value of bounds.accepted) assert.equal(problem(value), undefined, field);
    for (const value of bounds.refused) assert.ok(problem(value), `${field} ${value}`);
    checked++;
  }
  assert.ok(checked > 25, `${checked}`);
});

test('the derived values are those of the formulas', () => {
  const rows = (sections.get('Derived values') ?? []).filter(
    ({ length, 0: preset = '' }) => length === 6 && preset in presets,
  );
  assert.equal(rows.length, 9);
  for (const [name = '', members = '', ...figures] of rows) {
    const n = Number(members.replaceAll(',', ''));
    const preset = presets[name as keyof typeof presets];
    const shortest = suspicionMinMs(preset.suspicionMult, n, preset.probeInterval);
    const expected = [
      shortest / 1_000,
      (preset.suspicionMaxTimeoutMult * shortest) / 1_000,
      retransmitLimit(preset.retransmitMult, n),
      (preset.pushPullInterval * pushPullScale(n)) / 1_000,
    ];
    assert.deepEqual(figures.map(Number), expected, `${name} ${members}`);
    assert.equal(confirmationsWanted(preset.suspicionMult, n), preset.suspicionMult - 2);
  }
});

test('the fields that the page names and the pages that it links to exist', () => {
  const known = new Set(fields);
  const names = Array.from(page.matchAll(/`([a-z]+(?:[A-Z][a-z]+)+)`/g), ([, name = '']) => name);
  const others = new Set([
    'sendBestEffort',
    'localState',
    'updateNode',
    'serfGuest',
    'delegateProtocol',
    'healthScore',
  ]);
  others.add('kubernetesConfig');
  assert.ok(names.length > 60);
  for (const name of names) assert.ok(known.has(name) || others.has(name), name);
  for (const [, link = ''] of page.matchAll(/\]\(([^)#:]+)[^)]*\)/g)) {
    assert.ok(existsSync(join(root, 'docs', link)), link);
  }
});
