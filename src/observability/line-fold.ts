/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Holds back log lines that others can cause as often as they like (line-limits.ts). Of each kind so many
// are written in a time; at its end the last of those held back is written, with the number of the
// others. So no count is lost when a flood ends, and a flood is one line in that time.
import type { Clock, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { limits } from '../wire/limits.js';
import { boundOf, type LineBound } from './line-limits.js';

interface Window {
  readonly until: number;
  /** Lines that may still be written. */
  left: number;
  /** Lines that were held back, and the last of them. */
  held: number;
  last?: Report;
  timer?: Timer;
}

/** Lets lines through, or holds them back and counts them. */
export class LineFold {
  readonly #clock: Clock;
  readonly #write: (report: Report, suppressed: number) => void;
  // One for each code, reason and callback, and for a bounded number of peers.
  readonly #windows = new Map<string, Window>();
  readonly #labels = new Set<string>();
  #closed = false;

  /** @param init.write - writes a line, which stands for so many others that were held back */
  constructor(
    components: { clock: Clock },
    init: { write: (report: Report, suppressed: number) => void },
  ) {
    this.#clock = components.clock;
    this.#write = init.write;
  }

  /** Writes the report's line, or holds it back. */
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
    } else this.#hold(kind, window, report, bound);
  }

  /** Writes what is held back; from now on no timer is set. */
  close(): void {
    this.#closed = true;
    for (const { timer, last, held } of this.#windows.values()) {
      timer?.cancel();
      if (last !== undefined) this.#write(last, held - 1);
    }
    this.#windows.clear();
  }

  // The line that begins a window; it stands for what the window before it held back, if anything.
  #begin(kind: string, report: Report, bound: LineBound): void {
    const before = this.#windows.get(kind);
    before?.timer?.cancel();
    const until = this.#clock.now() + bound.windowMs;
    this.#windows.set(kind, { until, left: bound.lines - 1, held: 0 });
    this.#write(report, before?.held ?? 0);
  }

  #hold(kind: string, window: Window, report: Report, bound: LineBound): void {
    window.held++;
    window.last = report;
    // What lasts is told with the next line, if it still lasts then: no timer waits for minutes.
    if (this.#closed || bound.perPeer === true) return;
    window.timer ??= this.#clock.setTimer(window.until - this.#clock.now(), () => {
      window.held--;
      this.#begin(kind, window.last ?? report, bound);
    });
  }

  // Peers that cannot be told apart any more share one kind, so that names without end take no memory.
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
        if (window.last !== undefined) this.#write(window.last, window.held - 1);
      }
    }
    return peers < limits.logPeers ? own : common;
  }
}

function kindOf(report: Report): string {
  if ('reason' in report) return `${report.code}/${report.reason}`;
  return report.code === 'callback-threw' ? `${report.code}/${report.callback}` : report.code;
}
