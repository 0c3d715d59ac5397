/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Writes what the engine noticed to a logger. Lines that others can bring about are folded (line-fold.ts),
// so that a flood of bad packets is not a flood of lines.
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
  readonly #observer: ((report: Report) => void) | undefined;

  /** @param init.observer - called with each report before the fold */
  constructor(
    components: { logger: SparingLogger; clock: Clock },
    init: { observer?: ((report: Report) => void) | undefined } = {},
  ) {
    this.#logger = components.logger;
    this.#observer = init.observer;
    this.#fold = new LineFold(components, {
      write: (report, suppressed) => this.#write(report, suppressed),
    });
  }

  /** Writes one report, unless too many of its kind were written a moment ago. */
  readonly report = (report: Report): void => {
    this.#observer?.(report);
    this.#fold.take(report);
  };

  /** Writes what is held back, and leaves no timer behind. What is reported later is still written. */
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
      const words = `${line} (and ${suppressed} more like it)`;
      this.#logger[level](words, { ...fields, suppressed });
    }
  }
}
