/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/SERF.md has every option, metric and log code of the code.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { serfMetrics } from '../../../src/serf/metrics.js';
import { resolveOptions } from '../../../src/serf/options.js';

const root = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/SERF.md', root), 'utf8');

/** The first cells of the table of a section, without backticks. */
function rowsOf(section: string): string[] {
  const text = page.split(`## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  return Array.from(text.matchAll(/^\| `([^`]+)`/gm), ([, name]) => name ?? '').sort();
}

test('every metric is documented with its meaning, and no other', () => {
  const helps = new Map<string, string>();
  serfMetrics(
    {
      counter: (name, help) => {
        helps.set(name, help);
        return { inc: () => undefined };
      },
      gauge: (name, help) => void helps.set(name, help),
    },
    { members: () => 0, queued: () => 0, coordinateResets: () => 0 },
  );
  assert.deepEqual(rowsOf('Metrics'), [...helps.keys()].sort());
  for (const [name, help] of helps) assert.ok(page.includes(help), `${name}: ${help}`);
});

test('every option is documented, and no other', () => {
  assert.deepEqual(rowsOf('Options'), Object.keys(resolveOptions({})).sort());
});

test('every log code is documented, and no other', () => {
  const folder = new URL('src/serf/', root);
  const code = readdirSync(folder)
    .map((file) => readFileSync(new URL(file, folder), 'utf8'))
    .join('\n');
  const codes = new Set(Array.from(code.matchAll(/code: '(serf-[a-z-]+)'/g), ([, name]) => name));
  assert.deepEqual(rowsOf('Logs'), [...codes].sort());
});
