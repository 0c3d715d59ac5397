/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Address } from '../wire/address.js';

export type { Address };

/** The callbacks of a transport. It must not call them after `shutdown` has resolved. */
export interface TransportHandlers {
  /**
   * A datagram arrived.
   *
   * @param buf - the datagram; the transport does not use the buffer again
   * @param from - the source address that the socket reported
   * @param receivedAt - the time of arrival, in milliseconds of the Memberlist's clock
   */
  packet(buf: Buffer, from: Address, receivedAt: number): void;
  /** A peer opened a stream. The receiver of the connection must close it. */
  stream(connection: Connection): void;
  /**
   * The transport threw while it handled an event. The Memberlist counts the exception and reports it as
   * `internal-error`; thrown into the event loop, it would end the process. Never throws.
   */
  internalError?(error: unknown): void;
  /**
   * An inbound stream was closed, or could not be accepted, because the process has too few free file descriptors.
   *
   * @param detail - the number of used descriptors, or the system's error
   */
  descriptorsShort?(detail: string): void;
}

/**
 * The network layer: datagrams that may be lost, and streams that may break.
 *
 * `NetTransport` is the default; `MemoryNetwork` of `node-memberlist/testing` creates in-memory transports.
 * Every implementation passes the same contract suite.
 */
export interface Transport {
  /**
   * The maximum number of concurrent inbound streams, if the system allows fewer than the 1,024 that a node accepts.
   * Read once, after `start`.
   */
  readonly maxStreams?: number | undefined;
  /**
   * Whether all sent data stays in this process, so that no other process can read it. Then the node does not warn
   * about plaintext. For a custom transport that encrypts, set `plaintext: true` in the configuration instead.
   */
  readonly isInProcess?: boolean | undefined;
  /** Binds and listens. Called once. If it fails, it rejects and leaves nothing open. */
  start(handlers: TransportHandlers): Promise<void>;
  /**
   * The address to advertise to other members. Called after `start`.
   *
   * @param addr - the configured `advertiseAddr`, if any
   * @param port - the configured `advertisePort`, if any
   * @throws when there is no address to advertise
   */
  finalAdvertiseAddr(
    addr: string | undefined,
    port: number | undefined,
  ): { addr: string; port: number };
  /**
   * Whether an `'ip:port'` is an address of this transport, such as a loopback address with the bound port.
   * Without this method, the node recognizes only its advertised address as its own.
   */
  isOwn?(addr: string): boolean;
  /**
   * Whether an IP currently belongs to this machine. Without this method, the node does not notice that
   * its advertised address was removed.
   */
  isLocal?(ip: string): boolean;
  /**
   * Sends one datagram, best effort. A rejection is a local failure or an immediate refusal;
   * success does not mean that the datagram arrives.
   */
  writeTo(packet: Buffer, to: Address): void | Promise<void>;
  /**
   * Opens a stream to a peer.
   *
   * @param options.timeout - milliseconds after which the attempt fails
   */
  dial(
    to: Address,
    options: { timeout: number; signal?: AbortSignal | undefined },
  ): Promise<Connection>;
  /** From now on, sockets do not keep the process alive. Without it, `Memberlist.unref` does not affect them. */
  unref?(): void;
  /** Reverses `unref`. */
  ref?(): void;
  /** Closes all sockets and streams; resolves when the last one is closed. Idempotent. */
  shutdown(): Promise<void>;
}

/** A byte stream between two nodes. */
export interface Connection {
  /** `'ip:port'` of the far end. */
  readonly remoteAddress: string;
  /**
   * Resolves to the next bytes, or to null at the end of the stream: the far end finished, or `close` was called.
   * Rejects when the stream broke. Only one read may be pending.
   */
  read(): Promise<Buffer | null>;
  /** Resolves when the system has accepted the bytes; rejects when the stream is broken or closed. */
  write(data: Buffer): Promise<void>;
  /** Ends this side and stops reading. Bytes already written are still delivered. Idempotent. */
  close(): void;
  /**
   * Ends the stream at once, also after `close`: pending writes reject, and their memory is released. Idempotent.
   * Without this method, `close` is called instead, and data that the peer does not read stays in memory until the
   * stream ends.
   */
  destroy?(): void;
  /**
   * Breaks the stream in both directions, so that reads at the far end reject (over TCP: a reset). This shows a
   * sender that its bytes were not read. After `close` it does nothing. Optional: without this method, `close` is
   * called instead.
   */
  reset?(): void;
}
