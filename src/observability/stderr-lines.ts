/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What nobody asked to see and should see all the same: warnings and errors, where there is no logger. One line each,
// and few of them, whatever happens to the nodes of this process.
import type { Clock, Timer } from '../core/ports.js';
import { coloured, showsColours } from '../runtime/colours.js';
import { StderrOutput, type LineOutput } from '../runtime/stderr-output.js';
import { systemClock } from '../runtime/system-clock.js';
import { limits } from '../wire/limits.js';
import { printable } from '../wire/printable.js';

/** The levels that are written to stderr. */
export type StderrLevel = 'warn' | 'error';

/** What the lines are made with. */
export interface StderrLinesComponents {
  readonly output: LineOutput;
  readonly clock: Clock;
  /** The time of day, in milliseconds since 1970. */
  readonly timeOfDay: () => number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Writes lines: so many in a time, and then how many were not written. */
export class StderrLines {
  readonly #components: StderrLinesComponents;
  readonly #isColoured: boolean;
  #windowEnds = -Infinity;
  #left = 0;
  #held = 0;
  #timer: Timer | undefined;

  constructor(components: StderrLinesComponents) {
    this.#components = components;
    const { output, env = process.env } = components;
    this.#isColoured = showsColours(output.isTerminal, env);
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
    this.#held++;
    this.#timer ??= clock.setTimer(this.#windowEnds - clock.now(), () => this.#begin());
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#windowEnds = this.#components.clock.now() + limits.logWindowMs;
    this.#left = limits.logStderrLines;
    if (this.#held === 0) return;
    const lines = this.#held === 1 ? '1 more line was' : `${this.#held} more lines were`;
    this.#held = 0;
    this.#put('warn', `${lines} held back; a logger of your own gets every line`);
  }

  #put(level: StderrLevel, text: string): boolean {
    const { output, timeOfDay } = this.#components;
    const time = new Date(timeOfDay()).toISOString();
    if (!this.#isColoured) return output.write(`${time} node-memberlist ${level}: ${text}`);
    const word = coloured(level, level === 'error' ? 'red' : 'yellow');
    return output.write(`${coloured(time, 'dim')} node-memberlist ${word}: ${text}`);
  }
}

/** Where an error was thrown: the first line of its stack that names a file which is not Node's. */
function frameOf(fields: object): string {
  const { stack } = { ...(fields as { error?: { stack?: unknown } }).error };
  if (typeof stack !== 'string') return '';
  const frames = stack.split('\n').filter((line) => /^ {4}at /.test(line));
  const frame = frames.find((line) => !/[( ]node:|<anonymous>/.test(line)) ?? frames[0];
  return frame === undefined ? '' : ` (${printable(frame.trim())})`;
}

let ofProcess: StderrLines | undefined;

/** The lines of this process: all nodes in it share the bound. */
export function stderrLines(): StderrLines {
  ofProcess ??= new StderrLines({
    output: new StderrOutput(),
    clock: systemClock,
    timeOfDay: Date.now,
  });
  return ofProcess;
}
