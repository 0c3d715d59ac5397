/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// TCP below the Connection interface: reading on demand, closing without losing what was written,
// and no socket that outlives its purpose.

import { type Server, type Socket, connect, createServer } from 'node:net';
import type { Clock } from '../core/ports.js';
import { asError, isError } from '../runtime/as-error.js';
import { joinHostPort } from '../wire/address.js';
import type { Connection } from './transport.js';

/** How long a closed connection may take to hand its last bytes to the system. */
const flushLimitMs = 10_000;
/** How long a closed connection then waits for the far end to close as well. */
const lingerMs = 1_000;

/** An Error with a `code` as the system's errors have one, taken from `cause`. */
export function codedError(
  message: string,
  cause: NodeJS.ErrnoException | { readonly code: string },
): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(message, isError(cause) ? { cause } : {});
  if (cause.code !== undefined) error.code = cause.code;
  return error;
}

/** The text of an IP as a socket gives it, with IPv4 freed from its IPv6 mapping. */
export function plainIp(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice('::ffff:'.length) : ip;
}

/** The sockets of one transport, so that none is forgotten. */
export class SocketSet {
  readonly #sockets = new Set<Socket>();
  /** Those that are closed here and wait for the far end, the oldest first. */
  readonly #lingering = new Set<Socket>();
  /** How many may linger; more and the oldest is destroyed. */
  mostLingering = Infinity;

  #isKept = true;

  /** Whether these sockets, and later ones, keep the process alive. */
  keepAlive(isKept: boolean): void {
    this.#isKept = isKept;
    for (const socket of this.#sockets) {
      if (isKept) socket.ref();
      else socket.unref();
    }
  }

  /** Keeps the socket until it is closed. Its errors are from then on never unhandled. */
  add(socket: Socket): void {
    this.#sockets.add(socket);
    if (!this.#isKept) socket.unref();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#lingering.delete(socket);
    });
  }

  /** Its last bytes are with the system, and nothing but the far end's close is waited for. */
  linger(socket: Socket): void {
    this.#lingering.add(socket);
    if (this.#lingering.size <= this.mostLingering) return;
    const [oldest] = this.#lingering;
    if (oldest !== undefined) this.#lingering.delete(oldest);
    oldest?.destroy();
  }

  /**
   * Destroys all; resolves when the last is closed. A socket on which this side has written nothing is reset: its
   * far end must not take the end of the stream for a sign that its request was read.
   */
  async destroyAll(reason: Error): Promise<void> {
    const closed = Array.from(this.#sockets, (socket) => {
      const done = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      if (socket.connecting || socket.bytesWritten > 0) socket.destroy(reason);
      else {
        // A reset takes no reason along; whoever reads here hears it like this.
        socket.emit('error', reason);
        socket.resetAndDestroy();
      }
      return done;
    });
    await Promise.all(closed);
  }
}

/** What a TCP listener is bound to, and what it calls. */
export interface TcpListenerOptions {
  /** An IP, without brackets. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether `::` leaves IPv4 to others. */
  readonly ipv6Only: boolean;
  /** Somebody connected; the socket may be half-closed by either end. */
  readonly onSocket: (socket: Socket) => void;
  /** A connection could not be accepted. The listener goes on. */
  readonly onError: (error: NodeJS.ErrnoException) => void;
}

/** A listening TCP socket; made by {@link TcpListener.bind}. */
export class TcpListener {
  /** The bound port, never 0. */
  readonly port: number;
  readonly #server: Server;

  /**
   * Binds and listens.
   *
   * @returns a promise that rejects with an error that names address and port, has the system's
   * error as `cause` and keeps its `code`; nothing stays open then.
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
        // Such as too many open files in accept: that one connection fails, we go on.
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

  /** Whether it keeps the process alive; it does until it is told otherwise. */
  keepAlive(isKept: boolean): void {
    if (isKept) this.#server.ref();
    else this.#server.unref();
  }

  /** Stops listening; resolves when the connections that came in here are closed as well. */
  close(): Promise<void> {
    this.#server.removeAllListeners('connection');
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** Where to dial, how long to try, and what keeps the socket. */
export interface TcpDialOptions {
  readonly ip: string;
  readonly port: number;
  /** Milliseconds; 0 or less has timed out already. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly sockets: SocketSet;
}

/**
 * Connects.
 *
 * @returns a promise that rejects with the system's error (ECONNREFUSED …), with one whose code is
 * ETIMEDOUT, or with the signal's reason; no socket is left behind then.
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

/** What an aborted operation rejects with: the signal's reason, as an Error. */
export function abortError(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return isError(reason) ? reason : new Error('aborted', { cause: reason });
}

interface PendingRead {
  readonly resolve: (chunk: Buffer | null) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A TCP socket as a {@link Connection}. Nothing is read from the kernel beyond the stream's high
 * water mark unless somebody asks.
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
        // A socket that is destroyed calls back for the write that was under way without an error.
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
      // Nothing of ours can be lost: whoever opens streams without end does not get to hold them.
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
    // Unread input would make the kernel reset the stream when the socket goes, and the far end lose
    // our last bytes. So it is read and dropped until the far end has closed or the linger is over.
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
