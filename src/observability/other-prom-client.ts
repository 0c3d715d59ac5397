/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
// An application may have another copy of prom-client than this package. Metrics on the registry of ours are not what
// the application serves then, and nothing else says so.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Two copies of prom-client: ours, and that of the application. */
export interface TwoCopies {
  readonly ours: string;
  readonly theirs: string;
}

/**
 * Looks for another copy of prom-client than the one that was loaded here.
 *
 * @param register - the default registry of ours
 * @param from - paths from which the application loads its packages, the most certain first
 * @returns the versions; undefined when there is one copy, or when it cannot be told, as in a bundle
 */
export function otherPromClient(
  register: unknown,
  from: readonly string[] = applicationPaths(),
): TwoCopies | undefined {
  for (const path of from) {
    try {
      const require = createRequire(path);
      const theirs = require.resolve('prom-client');
      const ours = fileOf(register, require.cache);
      if (ours === undefined || ours === theirs) return undefined;
      return { ours: versionAt(ours), theirs: versionAt(theirs) };
    } catch {
      // Nothing can be loaded from there.
    }
  }
  return undefined;
}

/** The program that was started, and else the folder in which it was. */
function applicationPaths(): string[] {
  const [, program] = process.argv;
  return [...(program === undefined ? [] : [program]), join(process.cwd(), 'package.json')];
}

/** The file of the module that exports a registry. */
function fileOf(register: unknown, modules: NodeJS.Dict<NodeJS.Module>): string | undefined {
  for (const [file, module] of Object.entries(modules)) {
    // Looking at `exports` of other modules could call their getters.
    if (!/[\\/]prom-client[\\/]index\.js$/.test(file)) continue;
    if ((module?.exports as { register?: unknown } | undefined)?.register === register) return file;
  }
  return undefined;
}

function versionAt(file: string): string {
  const manifest = readFileSync(join(dirname(file), 'package.json'), 'utf8');
  return String((JSON.parse(manifest) as { version?: unknown }).version);
}
