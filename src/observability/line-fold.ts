/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Holds back log lines that others can bring about as often as they like. Of each kind so many are
// written in 10 s; at the end of that time the last of those held back is written, with the number of
// the others. So no count is lost when a flood ends, and a flood is a line in 10 s.
import type { Clock, Timer } from '../core/ports.js';
import type { Report, ReportCode } from '../core/reports.js';
import { limits } from '../wire/limits.js';

const ABOUT_MEMBERS = limits.logLinesAboutMembers;

// Lines of each kind in one window. Without the key of an encrypted cluster others can bring about the
// first three only; with it, or without encryption, all of them. What is not here happens at our own
// pace: probes, exchanges that we begin, delegates that are asked at intervals.
const ALLOWANCE: Partial<Record<ReportCode, number>> = {
  'packet-dropped': 1,
  'stream-dropped': 1,
  'foreign-label': 1,
  'descriptors-short': 1,
  'claim-refused': 1,
  'send-failed': 1,
  'probe-send-failed': 1,
  'sends-failed': 1,
  'sends-recovered': 1,
  'address-conflict': 1,
  refuted: 1,
  'broadcast-too-large': 1,
  'broadcasts-evicted': 1,
  'user-broadcasts-evicted': 1,
  'callback-threw': 1,
  'internal-error': 1,
  'address-reclaimed': ABOUT_MEMBERS,
  'member-joined': ABOUT_MEMBERS,
  'member-updated': ABOUT_MEMBERS,
  'member-suspected': ABOUT_MEMBERS,
  'member-recovered': ABOUT_MEMBERS,
  'member-failed': ABOUT_MEMBERS,
  'member-left': ABOUT_MEMBERS,
  rejoined: ABOUT_MEMBERS,
  'rejoin-failed': 1,
  isolated: 1,
  minority: 1,
  recovered: 1,
  flapping: ABOUT_MEMBERS,
  'seeds-failed': 1,
  'member-reaped': ABOUT_MEMBERS,
  'suspicion-degraded': ABOUT_MEMBERS,
};

/** Whether lines of this code are held back when there are many. */
export function isFolded(code: ReportCode): boolean {
  return ALLOWANCE[code] !== undefined;
}

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
  // One for each code, reason and callback: as many as there are in this library, whatever comes.
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
    const allowance = ALLOWANCE[report.code];
    if (allowance === undefined) return this.#write(report, 0);
    if (report.code === 'foreign-label') {
      if (this.#labels.has(report.theirs)) return;
      if (this.#labels.size < limits.logForeignLabels) {
        this.#labels.add(report.theirs);
        return this.#write(report, 0);
      }
    }
    const kind = kindOf(report);
    const window = this.#windows.get(kind);
    if (window === undefined || this.#clock.now() >= window.until) {
      this.#begin(kind, report, allowance);
    } else if (window.left > 0) {
      window.left--;
      this.#write(report, 0);
    } else this.#hold(kind, window, report);
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
  #begin(kind: string, report: Report, allowance: number): void {
    const before = this.#windows.get(kind);
    before?.timer?.cancel();
    const until = this.#clock.now() + limits.logWindowMs;
    this.#windows.set(kind, { until, left: allowance - 1, held: 0 });
    this.#write(report, before?.held ?? 0);
  }

  #hold(kind: string, window: Window, report: Report): void {
    window.held++;
    window.last = report;
    if (this.#closed) return;
    window.timer ??= this.#clock.setTimer(window.until - this.#clock.now(), () => {
      window.held--;
      this.#begin(kind, window.last ?? report, ALLOWANCE[report.code] ?? 1);
    });
  }
}

function kindOf(report: Report): string {
  if ('reason' in report) return `${report.code}/${report.reason}`;
  return report.code === 'callback-threw' ? `${report.code}/${report.callback}` : report.code;
}
