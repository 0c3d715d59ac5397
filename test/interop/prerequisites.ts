/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The programs that others wrote: installed or built when they are not there, named when they
// cannot be.
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { buildNewestSerf } from './newest-serf.js';
import { buildGoPeer, goVersions, grafanaFork, titleOf } from './peers/programs.js';

interface DebianProgram {
  readonly program: string;
  readonly debianPackage: string;
  readonly versionArgs: readonly string[];
}

const DEBIAN_PROGRAMS: readonly DebianProgram[] = [
  { program: 'serf', debianPackage: 'serf', versionArgs: ['version'] },
  {
    program: 'prometheus-alertmanager',
    debianPackage: 'prometheus-alertmanager',
    versionArgs: ['--version'],
  },
  { program: 'chromium', debianPackage: 'chromium', versionArgs: ['--version'] },
  { program: 'prometheus', debianPackage: 'prometheus', versionArgs: ['--version'] },
];

/** Sees to it that everything is there; what is missing, in words that say what to do. */
export async function missingPrerequisites(): Promise<string[]> {
  return [...missingPackages(), ...(await missingBuilds())];
}

function missingPackages(): string[] {
  const missing = DEBIAN_PROGRAMS.filter((program) => !runs(program));
  if (missing.length > 0) install(missing.map(({ debianPackage }) => debianPackage));
  return missing
    .filter((program) => !runs(program))
    .map(
      ({ program, debianPackage }) =>
        `${program} is missing; install Debian's package '${debianPackage}', or run as root`,
    );
}

async function missingBuilds(): Promise<string[]> {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    return ['go is missing; install Go 1.25 or newer, see https://go.dev/dl/'];
  }
  const problems: string[] = [];
  for (const version of [...goVersions, grafanaFork]) {
    console.log(`building a node of ${titleOf(version)} …`);
    const problem = buildGoPeer(version);
    if (problem !== undefined) problems.push(`${titleOf(version)} does not build: ${problem}`);
  }
  console.log('building the newest serf …');
  try {
    await buildNewestSerf();
  } catch (error) {
    problems.push((error as Error).message);
  }
  return problems;
}

function runs({ program, versionArgs }: DebianProgram): boolean {
  return spawnSync(program, versionArgs, { stdio: 'ignore' }).status === 0;
}

function install(packages: readonly string[]): void {
  const hasApt = spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
  if (process.getuid?.() !== 0 || !hasApt) return;
  console.log(`installing ${packages.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet: SpawnSyncOptions = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  spawnSync('apt-get', ['update', '-qq'], quiet);
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  spawnSync('apt-get', args, quiet);
}
