/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Warnings and errors on stderr, for nodes without a logger: one line each, and a bounded number of lines for all nodes
// of this process.
import type { Clock, Timer } from '../core/ports.js';
import { colored, showsColors } from '../runtime/colors.js';
import { StderrOutput, type LineOutput } from '../runtime/stderr-output.js';
import { systemClock } from '../runtime/system-clock.js';
import { limits } from '../wire/limits.js';
import { printable } from '../wire/printable.js';

/** The levels that are written to stderr. */
export type StderrLevel = 'warn' | 'error';

/** The dependencies of {@link StderrLines}. */
export interface StderrLinesComponents {
  readonly output: LineOutput;
  readonly clock: Clock;
  /** The time of day, in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Writes a bounded number of lines per time window, then the number of suppressed lines. */
export class StderrLines {
  readonly #components: StderrLinesComponents;
  readonly #isColored: boolean;
  #windowEnds = -Infinity;
  #left = 0;
  #suppressed = 0;
  #timer: Timer | undefined;

  constructor(components: StderrLinesComponents) {
    this.#components = components;
    const { output, env = process.env } = components;
    this.#isColored = showsColors(output.isTerminal, env);
  }

  write(level: StderrLevel, message: string, fields: object = {}): void {
    const { clock } = this.#components;
    if (clock.now() >= this.#windowEnds) this.#begin();
    if (this.#left > 0) {
      this.#left--;
      const code = 'code' in fields ? ` [${String(fields.code)}]` : '';
      const frame = level === 'error' ? frameOf(fields) : '';
      if (this.#put(level, printable(message, 2 * limits.logLineCharacters) + frame + code)) return;
    }
    this.#suppressed++;
    this.#timer ??= clock.setTimer(this.#windowEnds - clock.now(), () => this.#begin());
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#windowEnds = this.#components.clock.now() + limits.logWindowMs;
    this.#left = limits.logStderrLines;
    if (this.#suppressed === 0) return;
    const lines =
      this.#suppressed === 1 ? '1 more line was' : `${this.#suppressed} more lines were`;
    this.#suppressed = 0;
    this.#put('warn', `${lines} suppressed; configure a logger to get every line`);
  }

  #put(level: StderrLevel, text: string): boolean {
    const { output, timeOfDay } = this.#components;
    const time = new Date(timeOfDay()).toISOString();
    if (!this.#isColored) return output.write(`${time} node-memberlist ${level}: ${text}`);
    const word = colored(level, level === 'error' ? 'red' : 'yellow');
    return output.write(`${colored(time, 'dim')} node-memberlist ${word}: ${text}`);
  }
}

/** The place where an error was thrown: the first line of its stack that is not in Node itself. */
function frameOf(fields: object): string {
  const { stack } = { ...(fields as { error?: { stack?: unknown } }).error };
  if (typeof stack !== 'string') return '';
  const frames = stack.split('\n').filter((line) => /^ {4}at /.test(line));
  const frame = frames.find((line) => !/[( ](node:|<anonymous>)/.test(line)) ?? frames[0];
  return frame === undefined ? '' : ` (${printable(frame.trim())})`;
}

let processLines: StderrLines | undefined;

/** The instance of this process: all its nodes share the bound. */
export function stderrLines(): StderrLines {
  processLines ??= new StderrLines({
    output: new StderrOutput(),
    clock: systemClock,
    timeOfDay: Date.now,
  });
  return processLines;
}
