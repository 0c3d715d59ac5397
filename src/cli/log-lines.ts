/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Logger } from '../config/options.js';
import { UsageError } from './command.js';

const levels = ['debug', 'info', 'warn', 'error', 'silent'];

/** A log line, with the fields of its code. */
export interface LogLine {
  readonly time: string;
  readonly level: keyof Logger;
  readonly message: string;
}

/**
 * A logger that writes each line of a level or above, with its fields.
 *
 * @throws UsageError for an unknown level
 */
export function loggerTo(write: (line: LogLine) => void, from: string): Logger {
  const least = levels.indexOf(from);
  if (least < 0) throw new UsageError(`--log-level must be one of ${levels.join(', ')}`);
  const at = (level: keyof Logger) => (message: string, fields?: object) => {
    if (levels.indexOf(level) < least) return;
    write({ time: new Date().toISOString(), level, message, ...fields });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
