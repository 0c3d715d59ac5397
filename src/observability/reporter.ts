/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Writes the engine's reports to a logger. Lines that peers can cause are rate-limited (line-fold.ts), so that a
// flood of bad packets does not flood the log.
import type { Report, ReportCode } from '../core/reports.js';
import type { Clock } from '../core/ports.js';
import { printable } from '../wire/printable.js';
import { LineFold } from './line-fold.js';
import type { SparingLogger } from './logger.js';
import { printableFields } from './printable-fields.js';
import type { LineOf } from './line-of.js';
import { lines } from './report-lines.js';

/** Writes reports to a logger. */
export class Reporter {
  readonly #logger: SparingLogger;
  readonly #fold: LineFold;

  constructor(components: { logger: SparingLogger; clock: Clock }) {
    this.#logger = components.logger;
    this.#fold = new LineFold(components, {
      write: (report, suppressed) => this.#write(report, suppressed),
    });
  }

  /** Writes one report, unless the rate limit of its kind is exceeded. */
  readonly report = (report: Report): void => this.#fold.take(report);

  /** Writes the pending summaries of suppressed lines and cancels all timers. Later reports are still written. */
  close(): void {
    this.#fold.close();
  }

  #write(report: Report, suppressed: number): void {
    const [level, subsystem, text] = lines[report.code] as LineOf<ReportCode>;
    if (this.#logger.isOn?.(level, subsystem) === false) return;
    const line = printable(text(report));
    const fields = printableFields({ subsystem, ...report });
    if (suppressed === 0) this.#logger[level](line, fields);
    else {
      const message = `${line} (and ${suppressed} more like it)`;
      this.#logger[level](message, { ...fields, suppressed });
    }
  }
}
