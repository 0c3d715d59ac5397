/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The standard error of the process, for lines of a library. A write neither throws nor blocks, and never makes an
// uncaught exception of a stderr that is closed: the process belongs to somebody else.
import { write as writeToFile } from 'node:fs';
import { isatty } from 'node:tty';

/** Bytes that may wait because nobody reads them; lines past it are dropped. */
const MOST_WAITING_BYTES = 64 * 1024;
const STDERR = 2;

/** Takes lines. */
export interface LineOutput {
  readonly isTerminal: boolean;
  /** Writes a line, which has no line break, or drops it. Returns whether it was taken. */
  write(line: string): boolean;
}

/** Standard error, as it is at each write: a process may replace `process.stderr.write`. */
export class StderrOutput implements LineOutput {
  readonly isTerminal = isatty(STDERR);
  readonly #stream = new StreamOutput();
  readonly #terminal = new TerminalOutput();

  write(line: string): boolean {
    const { stderr } = process;
    // Node's writes to a terminal are synchronous: one that is stopped (Ctrl-S) would stop the process.
    if (this.isTerminal && !Object.hasOwn(stderr, 'write')) {
      return this.#terminal.write(`${line}\n`);
    }
    return this.#stream.write(`${line}\n`, stderr);
  }
}

/** Writes to a file, a pipe or a socket, or to what stands in for it. */
class StreamOutput {
  #pending = 0;

  write(text: string, stderr: NodeJS.WriteStream): boolean {
    if (stderr.destroyed || stderr.writableLength > MOST_WAITING_BYTES) return false;
    // The reader may be gone (EPIPE), and an 'error' without a listener is an uncaught exception. Console ignores errors
    // too, but not one of a write that fails at once (Node 20). The event comes soon after the callback.
    if (this.#pending++ === 0) stderr.on('error', ignore);
    const done = (): void => {
      if (--this.#pending === 0) stderr.off('error', ignore);
    };
    try {
      stderr.write(text, () => setImmediate(done));
      return true;
    } catch {
      done();
      return false;
    }
  }
}

function ignore(): void {
  // There is no other place to say so.
}

/** Writes to a terminal outside of the event loop, one write at a time. */
class TerminalOutput {
  #waiting = Buffer.alloc(0);
  #isWriting = false;

  write(text: string): boolean {
    if (this.#waiting.length > MOST_WAITING_BYTES) return false;
    this.#waiting = Buffer.concat([this.#waiting, Buffer.from(text)]);
    this.#next();
    return true;
  }

  #next(): void {
    if (this.#isWriting || this.#waiting.length === 0) return;
    this.#isWriting = true;
    writeToFile(STDERR, this.#waiting, (error, written) => {
      this.#isWriting = false;
      // What cannot be written is lost; there is no other place to say so.
      this.#waiting = error === null ? this.#waiting.subarray(written) : Buffer.alloc(0);
      this.#next();
    });
  }
}
