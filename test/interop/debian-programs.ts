/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Programs from Debian packages: installed if they are missing and the process runs as root, reported
// otherwise.
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';

/** A program and its package. */
export interface DebianProgram {
  readonly program: string;
  readonly debianPackage: string;
  readonly versionArgs: readonly string[];
}

/** Installs missing programs. @returns what is still missing, with instructions */
export function missingPrograms(programs: readonly DebianProgram[]): string[] {
  const missing = programs.filter((program) => !runs(program));
  if (missing.length > 0) install(missing.map(({ debianPackage }) => debianPackage));
  return missing
    .filter((program) => !runs(program))
    .map(
      ({ program, debianPackage }) =>
        `${program} is missing; install Debian's package '${debianPackage}', or run as root`,
    );
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
