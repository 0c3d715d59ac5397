/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Logger } from '../config/options.js';
import type { Report, ReportCode } from '../core/reports.js';

type Level = keyof Logger;

/** The log line of one report code. */
export type LineOf<Code extends ReportCode> = readonly [
  level: Level,
  subsystem: string,
  text: (report: Extract<Report, { code: Code }>) => string,
];
