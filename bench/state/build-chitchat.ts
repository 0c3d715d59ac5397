/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Builds the side of chitchat; quick when it was built before.

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const folder = resolve('bench/rust');
const target = resolve('node_modules/.cache/bench/rust');

/**
 * Builds the program.
 *
 * @returns its path
 * @throws an error that says what is missing
 */
export function buildChitchat(): string {
  const args = ['build', '--release', '--locked', '--quiet', '--target-dir', target];
  const { status, stderr, error } = spawnSync('cargo', args, { cwd: folder, encoding: 'utf8' });
  const hint = '--no-go measures only ours';
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    throw new Error(`cargo is missing; install Rust 1.86 or newer, see https://rustup.rs; ${hint}`);
  }
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`the side of chitchat does not build; ${hint}\n${stderr}`);
  return `${target}/release/chitchat-side`;
}
