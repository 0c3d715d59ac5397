/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run test:interop`: our nodes in one cluster with programs of other projects. Installs and builds what
// it needs, reports what is missing, and never passes by skipping. File names as arguments run a part of it;
// only a whole run writes docs/COMPATIBILITY.md.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { compatibilityPage, readResults } from './compatibility.js';
import { missingPrerequisites } from './prerequisites.js';

// Two at a time: most of the time is spent waiting for the timers of other programs.
const FILES_AT_ONCE = 2;

const folder = fileURLToPath(new URL('.', import.meta.url));
const page = fileURLToPath(new URL('../../docs/COMPATIBILITY.md', import.meta.url));

const missing = await missingPrerequisites();
for (const problem of missing) console.error(problem);
if (missing.length > 0) process.exit(1);

const chosen = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => chosen.length === 0 || chosen.includes(name))
  .map((name) => folder + name);
const scratch = mkdtempSync(join(tmpdir(), 'interop-'));
const results = join(scratch, 'results.jsonl');
writeFileSync(results, '');
const { status } = spawnSync(
  process.execPath,
  [
    '--import',
    'tsx',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${FILES_AT_ONCE}`,
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, INTEROP_RESULTS: results } },
);

const options = await resolveConfig(page);
const text = await format(compatibilityPage(readResults(results)), { ...options, filepath: page });
rmSync(scratch, { recursive: true });
console.log(text);
if (chosen.length === 0 && status === 0) writeFileSync(page, text);
process.exit(status ?? 1);
