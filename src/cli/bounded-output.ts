/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The output of a process that must keep running even if its output is not read. A stopped terminal
// (Ctrl-S) or a stopped reader of a pipe would block a member in a write, or let its memory grow.
import { systemClock } from '../runtime/system-clock.js';
import type { Output } from './command.js';

/** Bytes that may wait to be read. Beyond this limit lines are dropped. */
export const MAX_WAITING_BYTES = 1024 * 1024;

/** Drops and counts lines while too many bytes are waiting. */
export class BoundedOutput implements Output {
  readonly #output: Output;
  readonly #formatDropped: (count: number) => string;
  #dropped = 0;

  /** @param init.formatDropped - the line that reports how many lines were dropped, written when there is room again */
  constructor(output: Output, init: { formatDropped: (count: number) => string }) {
    this.#output = output;
    this.#formatDropped = init.formatDropped;
    disableBlocking(output);
    output.on?.('drain', () => this.#reportDropped());
  }

  /** Lines dropped since the last report. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes a line, or drops it. */
  write(line: string): void {
    if (this.#waiting > MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    this.#reportDropped();
    this.#output.write(line);
  }

  /** Resolves when everything is read or the time is up. @returns whether everything is read */
  async flushed(withinMs: number): Promise<boolean> {
    this.#reportDropped();
    if (this.#waiting === 0) return true;
    await new Promise<void>((resolve) => {
      this.#output.write('', resolve);
      // A timer of this clock does not keep the process alive; the bytes waiting in the output do.
      systemClock.setTimer(withinMs, resolve);
    });
    return this.#waiting === 0;
  }

  get #waiting(): number {
    return this.#output.writableLength ?? 0;
  }

  #reportDropped(): void {
    if (this.#dropped === 0 || this.#waiting > MAX_WAITING_BYTES) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#output.write(this.#formatDropped(dropped));
  }
}

/** The internal handle of Node's terminals and pipes. */
interface Blocking {
  readonly _handle?: { setBlocking?(on: boolean): unknown } | null;
}

// Node writes to a terminal synchronously, and there is no public switch. Without the internal one, or if
// the output is a file, nothing changes.
function disableBlocking(output: Output): void {
  (output as Blocking)._handle?.setBlocking?.(false);
}
