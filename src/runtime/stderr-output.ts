/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Writes lines to the standard error of the process. A write neither throws nor blocks, and a closed stderr does not
// cause an uncaught exception: a library must not end or block the process of the application.
import { write as writeToFile } from 'node:fs';
import { isatty } from 'node:tty';

/** Maximum number of buffered bytes while the reader of stderr is slow; further lines are dropped. */
const MAX_BUFFERED_BYTES = 64 * 1024;
const STDERR = 2;

/** An output for lines. */
export interface LineOutput {
  readonly isTerminal: boolean;
  /** Writes a line without a line break, or drops it. Returns whether the line was accepted. */
  write(line: string): boolean;
}

/** Standard error. It is looked up at each write, because a process may replace `process.stderr.write`. */
export class StderrOutput implements LineOutput {
  readonly isTerminal = isatty(STDERR);
  readonly #stream = new StreamOutput();
  readonly #terminal = new TerminalOutput();

  write(line: string): boolean {
    const { stderr } = process;
    // Node writes to a terminal synchronously: a stopped terminal (Ctrl-S) would block the process.
    if (this.isTerminal && !Object.hasOwn(stderr, 'write')) {
      return this.#terminal.write(`${line}\n`);
    }
    return this.#stream.write(`${line}\n`, stderr);
  }
}

/** Writes to a file, a pipe or a socket, or to a replaced `process.stderr.write`. */
class StreamOutput {
  #pending = 0;

  write(text: string, stderr: NodeJS.WriteStream): boolean {
    if (stderr.destroyed || stderr.writableLength > MAX_BUFFERED_BYTES) return false;
    // The reader may be gone (EPIPE), and an 'error' event without a listener is an uncaught exception. Console ignores
    // errors too, but not that of a write that fails immediately (Node 20). The event follows the callback.
    if (this.#pending++ === 0) stderr.on('error', ignore);
    const done = (): void => {
      if (--this.#pending === 0) stderr.off('error', ignore);
    };
    try {
      makeNonBlocking(stderr);
      stderr.write(text, () => setImmediate(done));
      return true;
    } catch {
      done();
      return false;
    }
  }
}

/**
 * Makes a pipe or socket non-blocking again: a child process that inherits stderr makes it blocking, in this process as
 * well (libuv clears the flag of the shared description). Node has no public method for it.
 */
function makeNonBlocking(stderr: NodeJS.WriteStream): void {
  const { _handle: handle } = stderr as {
    _handle?: { setBlocking?: (isBlocking: boolean) => void };
  };
  handle?.setBlocking?.(false);
}

function ignore(): void {
  // There is no other place to report it.
}

/** Writes to a terminal asynchronously, one write at a time. */
class TerminalOutput {
  #buffered = Buffer.alloc(0);
  #isWriting = false;

  write(text: string): boolean {
    if (this.#buffered.length > MAX_BUFFERED_BYTES) return false;
    this.#buffered = Buffer.concat([this.#buffered, Buffer.from(text)]);
    this.#next();
    return true;
  }

  #next(): void {
    if (this.#isWriting || this.#buffered.length === 0) return;
    this.#isWriting = true;
    writeToFile(STDERR, this.#buffered, (error, written) => {
      this.#isWriting = false;
      // Lines that cannot be written are lost; there is no other place to report it.
      this.#buffered = error === null ? this.#buffered.subarray(written) : Buffer.alloc(0);
      this.#next();
    });
  }
}
