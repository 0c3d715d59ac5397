/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The programs of other projects: installed or built if they are missing, reported if that fails.
import { spawnSync } from 'node:child_process';
import { missingPrograms, type DebianProgram } from './debian-programs.js';
import { captureProblem } from './loopback-capture.js';
import { buildNewestSerf } from './newest-serf.js';
import { buildGoPeer, goVersions, grafanaFork, titleOf } from './peers/programs.js';

const DEBIAN_PROGRAMS: readonly DebianProgram[] = [
  { program: 'serf', debianPackage: 'serf', versionArgs: ['version'] },
  {
    program: 'prometheus-alertmanager',
    debianPackage: 'prometheus-alertmanager',
    versionArgs: ['--version'],
  },
  { program: 'prometheus', debianPackage: 'prometheus', versionArgs: ['--version'] },
  { program: 'tcpdump', debianPackage: 'tcpdump', versionArgs: ['--version'] },
];

/** Installs or builds missing programs. Returns what is still missing, with instructions. */
export async function missingPrerequisites(): Promise<string[]> {
  const missing = missingPrograms(DEBIAN_PROGRAMS);
  const capture = captureProblem();
  if (missing.length === 0 && capture !== undefined) missing.push(capture);
  return [...missing, ...(await missingBuilds())];
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
