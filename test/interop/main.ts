/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run test:interop`: our nodes in one cluster with programs that we did not write. Installs what
// it needs when it may (Debian, root), says what is missing when it may not, and never passes by
// skipping.
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROGRAMS = [{ program: 'serf', debianPackage: 'serf', versionArgs: ['version'] }];

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

function install(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || !runs('apt-get', ['--version'])) return false;
  console.log(`installing ${packages.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet: SpawnSyncOptions = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  spawnSync('apt-get', ['update', '-qq'], quiet);
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  return spawnSync('apt-get', args, quiet).status === 0;
}

const isMissing = ({ program, versionArgs }: (typeof PROGRAMS)[number]): boolean =>
  !runs(program, versionArgs);
const missing = PROGRAMS.filter(isMissing);
if (missing.length > 0) install(missing.map(({ debianPackage }) => debianPackage));
const stillMissing = missing.filter(isMissing);
if (stillMissing.length > 0) {
  for (const { program, debianPackage } of stillMissing) {
    console.error(
      `${program} is missing; install Debian's package '${debianPackage}', or run as root`,
    );
  }
  process.exit(1);
}

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => folder + name);
const args = [
  '--import',
  'tsx',
  '--test',
  '--test-reporter=spec',
  '--test-concurrency=1',
  ...files,
];
process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);
