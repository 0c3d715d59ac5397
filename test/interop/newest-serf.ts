/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Builds the newest `serf` from its Go module, into a folder that is kept between runs.
import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { SerfProgram } from './serf-agent.js';

const run = promisify(execFile);
// The newest of `go list -m -versions github.com/hashicorp/serf`. (It still calls itself 0.10.2-dev.)
const VERSION = '0.11.0';
const BUILD_MS = 300_000;

const folder = fileURLToPath(
  new URL(`../../node_modules/.cache/interop/serf-${VERSION}`, import.meta.url),
);

/** The program; it exists after `buildNewestSerf`. */
export const newestSerf: SerfProgram = {
  title: `serf ${VERSION} (newest)`,
  path: join(folder, 'serf'),
};

/**
 * Builds it with Go, unless an earlier run did. Go checks downloads against its checksum database.
 *
 * @throws when Go is missing, and with Go's output when the build fails
 */
export async function buildNewestSerf(): Promise<void> {
  const isBuilt = await access(newestSerf.path).then(
    () => true,
    () => false,
  );
  if (isBuilt) return;
  await mkdir(folder, { recursive: true });
  try {
    await run('go', ['install', `github.com/hashicorp/serf/cmd/serf@v${VERSION}`], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
      timeout: BUILD_MS,
    });
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'Go is missing, see https://go.dev/dl/' : String(error);
    throw new Error(`serf ${VERSION} could not be built: ${why}`, { cause: error });
  }
}
