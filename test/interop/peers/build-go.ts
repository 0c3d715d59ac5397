/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Builds Go programs; quick when they were built before.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** A program to build and its output. */
export interface GoProgram {
  /** The folder of its go.mod. */
  readonly folder: string;
  /** The path of the built program. */
  readonly output: string;
  /** More options of `go build`. */
  readonly options?: readonly string[];
}

/**
 * Builds a program.
 *
 * @returns the error; undefined on success
 */
export function buildGo({ folder, output, options = [] }: GoProgram): string | undefined {
  mkdirSync(dirname(output), { recursive: true });
  const args = ['build', '-o', output, ...options, '.'];
  const { status, stderr, error } = spawnSync('go', args, { cwd: folder, encoding: 'utf8' });
  if (error !== undefined) return error.message;
  return status === 0 ? undefined : stderr;
}
