/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rate-limits log lines that peers can cause without limit (line-limits.ts). For each kind of line, a bounded number is
// written in a time window. At the end of the window the last suppressed line is written, with the number of the
// others. No count is lost when a flood ends, and a flood produces a bounded number of lines.
import type { Clock, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { limits } from '../wire/limits.js';
import { boundOf, type LineBound } from './line-limits.js';

interface Window {
  readonly until: number;
  /** Lines that may still be written. */
  left: number;
  /** Number of suppressed lines, and the last of them. */
  suppressed: number;
  last?: Report;
  timer?: Timer;
}

/** Writes lines, or suppresses and counts them. */
export class LineFold {
  readonly #clock: Clock;
  readonly #write: (report: Report, suppressed: number) => void;
  // One for each code, reason and callback, and for a bounded number of peers; see `kindOf`.
  readonly #windows = new Map<string, Window>();
  readonly #labels = new Set<string>();
  #closed = false;

  /** @param init.write - writes a line; `suppressed` is the number of suppressed lines that it represents */
  constructor(
    components: { clock: Clock },
    init: { write: (report: Report, suppressed: number) => void },
  ) {
    this.#clock = components.clock;
    this.#write = init.write;
  }

  /** Writes the report's line, or suppresses it. */
  take(report: Report): void {
    const bound = boundOf(report.code);
    if (bound === undefined) return this.#write(report, 0);
    if (report.code === 'foreign-label') {
      if (this.#labels.has(report.theirs)) return;
      if (this.#labels.size < limits.logForeignLabels) {
        this.#labels.add(report.theirs);
        return this.#write(report, 0);
      }
    }
    const kind = bound.perPeer === true ? this.#kindOfPeer(report) : kindOf(report);
    const window = this.#windows.get(kind);
    if (window === undefined || this.#clock.now() >= window.until) {
      this.#begin(kind, report, bound);
    } else if (window.left > 0) {
      window.left--;
      this.#write(report, 0);
    } else this.#suppress(kind, window, report, bound);
  }

  /** Writes the pending summaries of suppressed lines; from now on no timer is set. */
  close(): void {
    this.#closed = true;
    for (const { timer, last, suppressed } of this.#windows.values()) {
      timer?.cancel();
      if (last !== undefined) this.#write(last, suppressed - 1);
    }
    this.#windows.clear();
  }

  // Writes the first line of a window. It also reports the number of lines that the previous window suppressed.
  #begin(kind: string, report: Report, bound: LineBound): void {
    const before = this.#windows.get(kind);
    before?.timer?.cancel();
    const until = this.#clock.now() + bound.windowMs;
    this.#windows.set(kind, { until, left: bound.lines - 1, suppressed: 0 });
    this.#write(report, before?.suppressed ?? 0);
  }

  #suppress(kind: string, window: Window, report: Report, bound: LineBound): void {
    window.suppressed++;
    window.last = report;
    // For a persistent condition the next line has the count: no timer waits for minutes.
    if (this.#closed || bound.perPeer === true) return;
    window.timer ??= this.#clock.setTimer(window.until - this.#clock.now(), () => {
      window.suppressed--;
      this.#begin(kind, window.last ?? report, bound);
    });
  }

  // Beyond `limits.logPeers`, all further peers share one kind, so that forged names use no memory.
  #kindOfPeer(report: Report): string {
    const common = kindOf(report);
    const own = `${common}/ ${report.peer ?? ''}`;
    if (this.#windows.has(own)) return own;
    const now = this.#clock.now();
    let peers = 0;
    for (const [kind, window] of this.#windows) {
      if (!kind.startsWith(`${common}/ `)) continue;
      if (window.until > now) peers++;
      else {
        this.#windows.delete(kind);
        if (window.last !== undefined) this.#write(window.last, window.suppressed - 1);
      }
    }
    return peers < limits.logPeers ? own : common;
  }
}

function kindOf(report: Report): string {
  if ('reason' in report) return `${report.code}/${report.reason}`;
  return report.code === 'callback-threw' ? `${report.code}/${report.callback}` : report.code;
}
