/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The cluster on the terminal: a table of who believes what of whom, redrawn in place, with the latest
// notices below it. Where the output is no terminal, a line for each notice.
import type { MemberState } from '../../src/index.js';
import type { Cluster, Notice } from './cluster.js';

const LATEST = 9;
const COLUMN = 8;

const useColour = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const paint = (code: number) => (text: string) =>
  useColour ? `\u001b[${code}m${text}\u001b[0m` : text;

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);
export const cyan = paint(36);

const CELLS: Readonly<Record<MemberState, string>> = {
  alive: green('● alive'),
  suspect: yellow('? susp.'),
  dead: red('✖ dead'),
  left: cyan('◌ left'),
};
const CELL_WIDTH = 7;

const WORDS: Readonly<Record<Notice['type'], string>> = {
  join: green('joined'),
  left: cyan('left'),
  failed: red('failed'),
  update: 'has new metadata',
  suspect: yellow('is suspected'),
  recover: green('has refuted'),
};

/** Shows a cluster as it changes. */
export class View {
  readonly #cluster: Cluster;
  readonly #startedAt = Date.now();
  readonly #isLive = process.stdout.isTTY;
  readonly #latest: string[] = [];
  #headline = '';
  #drawnLines = 0;
  #scheduled: NodeJS.Timeout | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    cluster.on('notice', ({ observer, type, about, at }) =>
      this.#say(`${observer} sees: ${about} ${WORDS[type]}`, at),
    );
    cluster.on('change', () => this.#drawSoon());
  }

  /** What is being done now. */
  headline(text: string): void {
    this.#headline = text;
    if (this.#isLive) this.#drawSoon();
    else console.log(`\n${text}`);
  }

  /** Leaves the last picture where it is. */
  end(): void {
    clearTimeout(this.#scheduled);
    if (this.#isLive) this.#draw();
    this.#cluster.removeAllListeners();
  }

  #say(text: string, at: number): void {
    const seconds = ((at - this.#startedAt) / 1000).toFixed(2).padStart(6);
    const line = `${dim(`${seconds} s`)}  ${text}`;
    if (!this.#isLive) {
      console.log(line);
      return;
    }
    this.#latest.push(line);
    if (this.#latest.length > LATEST) this.#latest.shift();
  }

  #drawSoon(): void {
    if (!this.#isLive) return;
    this.#scheduled ??= setTimeout(() => this.#draw(), 30);
  }

  #draw(): void {
    this.#scheduled = undefined;
    const lines = ['', bold(this.#headline), '', ...this.#table(), '', ...this.#latest];
    while (lines.length < 13 + LATEST) lines.push('');
    const up = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}A` : '';
    process.stdout.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
    this.#drawnLines = lines.length;
  }

  #table(): string[] {
    const observers = [...this.#cluster.views.keys()].sort();
    const members = [
      ...new Set(observers.flatMap((name) => Object.keys(this.#cluster.views.get(name) ?? {}))),
    ].sort();
    const head = dim(['member'.padEnd(COLUMN), 'metadata'.padEnd(11)].join(' '));
    const names = observers.map((name) => bold(name.padEnd(CELL_WIDTH)));
    const rows = members.map((member) => {
      const beliefs = observers.map((observer) => this.#cluster.views.get(observer)?.[member]);
      const meta = beliefs.find((belief) => belief !== undefined)?.meta ?? '';
      const cells = beliefs.map((belief) => {
        if (belief === undefined) return dim('·'.padEnd(CELL_WIDTH));
        const width = CELL_WIDTH - { alive: 7, suspect: 7, dead: 6, left: 6 }[belief.state];
        return CELLS[belief.state] + ' '.repeat(width);
      });
      return [bold(member.padEnd(COLUMN)), meta.padEnd(11), ...cells].join(' ');
    });
    const seenBy = dim(`${' '.repeat(COLUMN + 13)}as seen by`);
    return [seenBy, [head, ...names].join(' '), ...rows];
  }
}
