/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Listening and dialing with TCP.
import { type Server, type Socket, connect, createServer } from 'node:net';
import type { Clock } from '../core/ports.js';
import { joinHostPort } from '../wire/address.js';
import { abortError, codedError } from './coded-error.js';
import type { SocketSet } from './socket-set.js';
import { TcpConnection } from './tcp-connection.js';
import type { Connection } from './transport.js';

/** The address of a TCP listener, and its callbacks. */
export interface TcpListenerOptions {
  /** An IP, without brackets. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether `::` accepts IPv6 only. */
  readonly ipv6Only: boolean;
  /** Called for each accepted connection; either end may half-close the socket. */
  readonly onSocket: (socket: Socket) => void;
  /** Called when a connection could not be accepted. The listener continues. */
  readonly onError: (error: NodeJS.ErrnoException) => void;
}

/** A listening TCP socket, created by {@link TcpListener.bind}. */
export class TcpListener {
  /** The bound port, never 0. */
  readonly port: number;
  readonly #server: Server;

  /**
   * Binds and listens.
   *
   * @returns a promise that rejects with an error that names address and port and has the system's
   * error as `cause` and its `code`; then nothing stays open.
   */
  static bind({
    address,
    port,
    ipv6Only,
    onSocket,
    onError,
  }: TcpListenerOptions): Promise<TcpListener> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
      const fail = (cause: Error): void => {
        const where = joinHostPort(address, port);
        reject(codedError(`cannot bind TCP ${where}: ${cause.message}`, cause));
      };
      server.once('error', fail);
      server.listen({ host: address, port, ipv6Only, exclusive: true }, () => {
        // For example too many open files in accept: that connection fails, and the listener continues.
        server.on('error', onError);
        server.off('error', fail);
        resolve(new TcpListener(server));
      });
    });
  }

  private constructor(server: Server) {
    this.#server = server;
    const bound = server.address();
    this.port = bound === null || typeof bound === 'string' ? 0 : bound.port;
  }

  /** Sets whether the listener keeps the process alive; by default it does. */
  keepAlive(isEnabled: boolean): void {
    if (isEnabled) this.#server.ref();
    else this.#server.unref();
  }

  /** Stops listening; resolves when all accepted connections are closed as well. */
  close(): Promise<void> {
    this.#server.removeAllListeners('connection');
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** The destination and the limits of a dial, and the set that receives the socket. */
export interface TcpDialOptions {
  readonly ip: string;
  readonly port: number;
  /** Milliseconds; 0 or less times out immediately. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly sockets: SocketSet;
}

/**
 * Connects to a peer.
 *
 * @returns a promise that rejects with the system's error (ECONNREFUSED …), with an error with the code
 * ETIMEDOUT, or with the signal's reason; then no socket stays open.
 */
export function dialTcp(options: TcpDialOptions): Promise<Connection> {
  const { ip, port, timeout, signal, clock, sockets } = options;
  const remoteAddress = joinHostPort(ip, port);
  const timedOut = (): Error =>
    codedError(`dialing ${remoteAddress} timed out after ${timeout} ms`, { code: 'ETIMEDOUT' });
  if (signal?.aborted) return Promise.reject(abortError(signal));
  if (!(timeout > 0)) return Promise.reject(timedOut());

  return new Promise((resolve, reject) => {
    const socket = connect({ host: ip, port, allowHalfOpen: true, noDelay: true });
    sockets.add(socket);
    const settle = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      socket.off('error', giveUp);
      socket.off('connect', succeed);
    };
    const giveUp = (error: Error): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const succeed = (): void => {
      settle();
      resolve(new TcpConnection({ socket, remoteAddress, clock, sockets }));
    };
    const abort = (): void => giveUp(abortError(signal));
    const timer = clock.setTimer(timeout, () => giveUp(timedOut()));
    signal?.addEventListener('abort', abort);
    socket.once('error', giveUp);
    socket.once('connect', succeed);
  });
}
