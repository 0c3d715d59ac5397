/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Detects that the application loads another copy of prom-client than this package. In that case the application does
// not serve the default registry of this package's copy, and the metrics would be missing without any other sign.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The versions of two copies of prom-client: that of this package, and that of the application. */
export interface TwoCopies {
  readonly ours: string;
  readonly theirs: string;
}

/**
 * Looks for a copy of prom-client other than the one loaded here.
 *
 * @param register - the default registry of the copy loaded here
 * @param from - paths from which the application loads its packages, the most reliable first
 * @returns the versions; undefined when there is one copy, or when this cannot be determined, as in a bundle
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
      // prom-client cannot be loaded from this path.
    }
  }
  return undefined;
}

/** The path of the started program, then the working directory. */
function applicationPaths(): string[] {
  const [, program] = process.argv;
  return [...(program === undefined ? [] : [program]), join(process.cwd(), 'package.json')];
}

/** The file of the module that exports the given registry. */
function fileOf(register: unknown, modules: NodeJS.Dict<NodeJS.Module>): string | undefined {
  for (const [file, module] of Object.entries(modules)) {
    // Reading `exports` of other modules could invoke their getters.
    if (!/[\\/]prom-client[\\/]index\.js$/.test(file)) continue;
    if ((module?.exports as { register?: unknown } | undefined)?.register === register) return file;
  }
  return undefined;
}

function versionAt(file: string): string {
  const manifest = readFileSync(join(dirname(file), 'package.json'), 'utf8');
  return String((JSON.parse(manifest) as { version?: unknown }).version);
}
