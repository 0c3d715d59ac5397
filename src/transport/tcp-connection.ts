/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A TCP socket as a Connection: reads on demand, and closes without losing written data.
import type { Socket } from 'node:net';
import type { Clock } from '../core/ports.js';
import { asError } from '../runtime/as-error.js';
import { codedError } from './coded-error.js';
import type { SocketSet } from './socket-set.js';
import type { Connection } from './transport.js';

/** How long a closed connection may take to hand its last bytes to the system. */
const flushLimitMs = 10_000;
/** How long a closed connection then waits for the far end to close as well. */
const lingerMs = 1_000;

interface PendingRead {
  readonly resolve: (chunk: Buffer | null) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A TCP socket as a {@link Connection}. Without a pending read, it reads from the kernel only up to the stream's high
 * water mark.
 */
export class TcpConnection implements Connection {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #sockets: SocketSet;
  #pending: PendingRead | undefined;
  #ended = false;
  #closed = false;
  #failure: Error | undefined;

  /** @param options.socket - connected, with `allowHalfOpen`, and in `options.sockets` */
  constructor(options: {
    socket: Socket;
    remoteAddress: string;
    clock: Clock;
    sockets: SocketSet;
  }) {
    this.remoteAddress = options.remoteAddress;
    this.#sockets = options.sockets;
    this.#socket = options.socket;
    this.#clock = options.clock;
    this.#socket.on('readable', () => {
      try {
        this.#onReadable();
      } catch (error) {
        this.#fail(asError(error));
      }
    });
    this.#socket.once('end', () => {
      this.#ended = true;
      this.#settle(null);
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.once('close', () => this.#fail(this.#brokenError()));
  }

  read(): Promise<Buffer | null> {
    if (this.#closed) return Promise.resolve(null);
    if (this.#pending) return Promise.reject(new Error('a read is pending on this stream already'));
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk !== null || this.#ended) return Promise.resolve(chunk);
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  write(data: Buffer): Promise<void> {
    if (this.#closed) {
      const message = `the stream to ${this.remoteAddress} was closed here`;
      return Promise.reject(codedError(message, { code: 'EPIPE' }));
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (data.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#socket.write(data, (error) => {
        // Node calls back without an error for a write that was pending when the socket was destroyed.
        if (error) reject(error);
        else if (this.#socket.destroyed) reject(this.#failure ?? this.#brokenError());
        else resolve();
      });
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settle(null);
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket.bytesWritten === 0) {
      // No written data can be lost. A peer that opens many streams cannot keep them open.
      socket.destroy();
      return;
    }

    const destroy = (): void => void socket.destroy();
    let timer = this.#clock.setTimer(flushLimitMs, destroy);
    socket.once('finish', () => {
      timer.cancel();
      timer = this.#clock.setTimer(lingerMs, destroy);
      this.#sockets.linger(socket);
    });
    socket.once('close', () => timer.cancel());
    socket.end();
    // With unread input, the kernel would reset the stream when the socket is closed, and the far end would lose the
    // last written bytes. Therefore input is read and discarded until the far end has closed or the linger time is
    // over.
    this.#onReadable();
  }

  destroy(): void {
    this.#closed = true;
    this.#settle(null);
    this.#socket.destroy();
  }

  reset(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settle(null);
    if (!this.#socket.destroyed) this.#socket.resetAndDestroy();
  }

  #onReadable(): void {
    if (this.#closed) {
      while (this.#socket.read() !== null);
    } else if (this.#pending) {
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk !== null) this.#settle(chunk);
    }
  }

  #settle(chunk: Buffer | null): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve(chunk);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(this.#failure);
  }

  #brokenError(): Error {
    const message = `the stream to ${this.remoteAddress} broke before its end`;
    return codedError(message, { code: 'ECONNRESET' });
  }
}
