/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The output of a process that must go on whether somebody reads it or not. A terminal that is stopped
// (Ctrl-S), or a reader of a pipe that is, would block a member in a write, or let its memory grow.
import { systemClock } from '../runtime/system-clock.js';
import type { Output } from './command.js';

/** Bytes that may wait to be read; lines past it are dropped. */
export const MOST_WAITING_BYTES = 1024 * 1024;

/** Lines that are dropped, and counted, while too many wait. */
export class BoundedOutput implements Output {
  readonly #output: Output;
  readonly #told: (dropped: number) => string;
  #dropped = 0;

  /** @param init.told - the line that says how many were dropped, written when there is room again */
  constructor(output: Output, init: { told: (dropped: number) => string }) {
    this.#output = output;
    this.#told = init.told;
    neverBlock(output);
    output.on?.('drain', () => this.#tell());
  }

  /** Lines that were dropped since there was room last. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes a line, or drops it. */
  write(line: string): void {
    if (this.#waiting > MOST_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    this.#tell();
    this.#output.write(line);
  }

  /** Resolves when all was taken, or when the time is up. @returns whether all was taken */
  async flushed(withinMs: number): Promise<boolean> {
    this.#tell();
    if (this.#waiting === 0) return true;
    await new Promise<void>((resolve) => {
      this.#output.write('', resolve);
      // A timer of our clock keeps no process alive; what waits in the output does.
      systemClock.setTimer(withinMs, resolve);
    });
    return this.#waiting === 0;
  }

  get #waiting(): number {
    return this.#output.writableLength ?? 0;
  }

  #tell(): void {
    if (this.#dropped === 0 || this.#waiting > MOST_WAITING_BYTES) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#output.write(this.#told(dropped));
  }
}

/** What Node's terminals and pipes have beneath them. */
interface Blocking {
  readonly _handle?: { setBlocking?(on: boolean): unknown } | null;
}

// Node writes to a terminal synchronously. There is no public switch; where this one is missing, or the
// output is a file, nothing changes.
function neverBlock(output: Output): void {
  (output as Blocking)._handle?.setBlocking?.(false);
}
