/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The documents that are generated from tables in the code.
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { logsPage } from './logs-page.js';
import { metricsPage } from './metrics-page.js';

/** A generated page: its path and its expected text. */
export interface MadePage {
  readonly path: string;
  readonly text: string;
}

/** All generated pages, formatted like the rest of the repository. */
export function madePages(): Promise<MadePage[]> {
  return Promise.all([
    laidOut('docs/METRICS.md', metricsPage()),
    laidOut('docs/LOGS.md', logsPage()),
  ]);
}

async function laidOut(file: string, text: string): Promise<MadePage> {
  const path = fileURLToPath(new URL(`../../../${file}`, import.meta.url));
  const options = await resolveConfig(path);
  return { path, text: await format(text, { ...options, filepath: path }) };
}
