/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run check:page`: tests the agent's status page in Chromium. Installs Chromium if it is missing, reports if it
// cannot, and never passes by skipping. `--screenshots FOLDER` only takes screenshots of the page.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { missingPrograms } from '../interop/debian-programs.js';
import { takeScreenshots } from './screenshots.js';

const missing = missingPrograms([
  { program: 'chromium', debianPackage: 'chromium', versionArgs: ['--version'] },
]);
for (const problem of missing) console.error(problem);
if (missing.length > 0) process.exit(1);

const [option, into] = process.argv.slice(2);
if (option === '--screenshots' && into !== undefined) {
  await takeScreenshots(into);
} else {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  const runner = ['--import', 'tsx', '--test', '--test-reporter=spec', '--test-concurrency=2'];
  const paths = files.map((name) => folder + name);
  const { status } = spawnSync(process.execPath, [...runner, ...paths], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
