/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Writes the files of a report, formatted like the project's files.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { format, resolveConfig } from 'prettier';

/** Writes a file, formatted if Prettier knows its kind: Markdown and JSON. */
export async function writeFormatted(path: string, text: string): Promise<void> {
  const parser = path.endsWith('.md') ? 'markdown' : path.endsWith('.json') ? 'json' : undefined;
  const style = parser && { ...(await resolveConfig(path)), parser };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, style === undefined ? text : await format(text, style));
}
