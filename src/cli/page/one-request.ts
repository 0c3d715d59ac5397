/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A connection that carries one request. Node's HTTP server handles all requests of one chunk in one turn of
// the event loop, 1,400 of them in 64 KiB, and cannot be interrupted. So the server receives only the first
// request's head: what a client sends after it is read and discarded, up to a limit.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../core/ports.js';
import { pageLimits } from './limits.js';

const END_OF_HEAD = '\r\n\r\n';

/** A socket, up to the end of its first request. */
export class OneRequest extends Duplex {
  /** The address group of the client. */
  readonly source: string;
  readonly #socket: Socket;
  #head: Buffer | undefined = Buffer.alloc(0);
  #surplus = 0;
  readonly #clock: Clock;
  #timer: Timer;

  constructor(components: { socket: Socket; clock: Clock }, init: { source: string }) {
    super({ allowHalfOpen: true, decodeStrings: true });
    const { socket, clock } = components;
    this.#socket = socket;
    this.#clock = clock;
    this.source = init.source;
    this.#timer = this.#deadline(pageLimits.headMs);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
    // A closed peer is not an error of this process.
    socket.on('error', () => this.destroy());
    this.on('error', () => undefined);
  }

  /** Cancels the deadline: the response, such as a stream of events, has no end. */
  endless(): void {
    this.#timer.cancel();
  }

  override _read(): void {
    // Data is pushed as it arrives; there is at most one head.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#socket.write(chunk, (error) => done(error ?? undefined));
  }

  override _final(done: (error?: Error) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#timer.cancel();
    this.#socket.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    if (this.#head === undefined) {
      this.#surplus += chunk.length;
      if (this.#surplus > pageLimits.surplusBytes) this.destroy();
      return;
    }
    const before = this.#head.length;
    this.#head = Buffer.concat([this.#head, chunk.subarray(0, pageLimits.headBytes + 1 - before)]);
    // The separator may be split between two chunks.
    const at = this.#head.indexOf(END_OF_HEAD, Math.max(0, before - END_OF_HEAD.length + 1));
    if (at >= 0) {
      const head = this.#head.subarray(0, at + END_OF_HEAD.length);
      this.#head = undefined;
      this.#timer.cancel();
      this.#timer = this.#deadline(pageLimits.responseMs);
      this.push(head);
      this.#take(chunk.subarray(head.length - before));
    } else if (this.#head.length > pageLimits.headBytes) {
      this.#socket.end('HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n');
      this.#head = undefined;
      this.#surplus = pageLimits.surplusBytes;
    }
  }

  #deadline(ms: number): Timer {
    return this.#clock.setTimer(ms, () => this.destroy());
  }
}
