/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Shows the cluster to the user: on a terminal a table that is redrawn in place, with the latest events below;
// elsewhere one line per event. Both end with the same summary.
import type { Cluster } from './cluster.js';
import { Frame } from './frame.js';
import type { Entry } from './journal.js';
import { createPaint } from './paint.js';
import type { StepResult } from './run-scenario.js';

const redrawMs = 100;

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const noWrap = '\x1b[?7l';
const wrap = '\x1b[?7h';
const clearToEndOfLine = '\x1b[K';
const clearBelow = '\x1b[J';

export interface ViewOptions {
  readonly cluster: Cluster;
  readonly results: readonly StepResult[];
  readonly startedAt: number;
  /** The addresses of the nodes, for the title. */
  readonly where: string;
}

/** The user interface. */
export class View {
  readonly #options: ViewOptions;
  readonly #out = process.stdout;
  readonly #isLive = process.stdout.isTTY;
  readonly #paint = createPaint(process.stdout.isTTY);
  readonly #frame: Frame;
  #linesDrawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ViewOptions) {
    this.#options = options;
    this.#frame = new Frame({ ...options, paint: this.#paint, words: !this.#isLive });
  }

  open(): void {
    if (!this.#isLive) {
      this.#print([this.#frame.title(this.#options.where).trimEnd()]);
      return;
    }
    this.#out.write(hideCursor);
    this.#timer = setInterval(() => this.#draw(this.#liveLines()), redrawMs);
    // Also if the process ends unexpectedly.
    process.once('exit', () => this.close());
  }

  /** Shows one line of the log. */
  show(entry: Entry): void {
    if (!this.#isLive) this.#print([this.#frame.entry(entry)]);
  }

  /** Restores the terminal; the last drawing stays. */
  close(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#out.write(showCursor);
  }

  /** Shows the result in place of the live view: 22 lines, so that all of them fit in 24. */
  finish(verdict: string, passed: boolean): void {
    const { results } = this.#options;
    const killed = results.find(({ step }) => step.name === 'kill');
    const lines = [
      ...this.#frame.members().map((line) => line.trimEnd()),
      ...(this.#isLive ? [this.#frame.legend()] : []),
      ...this.#frame.summary(results),
      ...(killed === undefined || killed.startedAt === 0
        ? []
        : this.#frame.failure(killed.startedAt)),
      ` ${this.#paint(passed ? 'green' : 'red', verdict)}`,
    ];
    if (this.#isLive) this.#draw([]);
    this.close();
    this.#print(lines);
  }

  // Some terminals do not report their height.
  get #height(): number {
    return (this.#out.rows || 24) - 1;
  }

  #liveLines(): string[] {
    const { cluster, results, where } = this.#options;
    const current = results.find(({ state }) => state === 'running');
    const head = [
      this.#frame.title(where),
      '',
      ...this.#frame.members(),
      this.#frame.legend(),
      '',
      this.#frame.progress(results),
      current === undefined ? '' : this.#now(current),
      '',
    ];
    const room = this.#height - head.length;
    const log = room > 0 ? cluster.journal.entries.slice(-room) : [];
    return [...head, ...log.map((entry) => this.#frame.entry(entry))];
  }

  #now({ step, startedAt }: StepResult): string {
    const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
    const limit = this.#paint('gray', `${seconds} s of at most ${step.timeoutMs / 1_000} s`);
    return ` ${this.#paint('bold', step.title)}  ${limit}`;
  }

  // Draws over the previous frame. Lines that do not fit on the terminal are cut.
  #draw(lines: readonly string[]): void {
    const shown = lines.slice(0, this.#height);
    const up = this.#linesDrawn > 0 ? `\x1b[${this.#linesDrawn}A` : '';
    const text = shown.map((line) => `${line}${clearToEndOfLine}\n`).join('');
    this.#out.write(`${up}\r${noWrap}${text}${wrap}${clearBelow}`);
    this.#linesDrawn = shown.length;
  }

  #print(lines: readonly string[]): void {
    this.#out.write(lines.map((line) => `${line}\n`).join(''));
  }
}
