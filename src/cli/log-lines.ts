/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Logger } from '../config/options.js';
import { printableJson } from '../wire/printable.js';
import { UsageError, type Output } from './command.js';

const levels = ['debug', 'info', 'warn', 'error', 'silent'];

/**
 * A logger that writes a line of JSON for each line from a level on.
 *
 * @throws UsageError for a level that there is not
 */
export function loggerTo(out: Output, from: string): Logger {
  const least = levels.indexOf(from);
  if (least < 0) throw new UsageError(`--log-level must be one of ${levels.join(', ')}`);
  const at = (level: keyof Logger) => (message: string, fields?: object) => {
    if (levels.indexOf(level) < least) return;
    const error = (fields as { error?: unknown } | undefined)?.error;
    const shown = error instanceof Error ? { ...fields, error: error.message } : fields;
    out.write(`${printableJson({ time: new Date().toISOString(), level, message, ...shown })}\n`);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
