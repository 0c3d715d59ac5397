/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Address } from '../wire/address.js';

export type { Address };

/** What a transport calls when something arrives. Neither may be called after `shutdown` resolved. */
export interface TransportHandlers {
  /**
   * One datagram.
   *
   * @param buf - the datagram; the transport does not touch it again
   * @param from - the source address as the socket saw it
   * @param receivedAt - when it arrived, in the milliseconds of the Memberlist's clock
   */
  packet(buf: Buffer, from: Address, receivedAt: number): void;
  /** A stream that somebody opened to us. Whoever takes it must close it. */
  stream(connection: Connection): void;
  /**
   * An exception in the transport's own handling of something that arrived. The Memberlist counts it and reports it
   * as `internal-error`; thrown into the event loop it would end the process. Never throws.
   */
  internalError?(error: unknown): void;
  /**
   * A stream of others was closed, or could not be accepted, because the process is short of file descriptors.
   *
   * @param detail - how many there are, or the system's error
   */
  descriptorsShort?(detail: string): void;
}

/**
 * The door to the network: datagrams that may be lost, and streams that may break.
 *
 * `NetTransport` is the default; `MemoryNetwork` of `node-memberlist/testing` makes in-memory ones.
 * Every implementation passes the same contract suite.
 */
export interface Transport {
  /**
   * How many streams of others may be open at once, if the system allows fewer than the 1,024 that a node takes.
   * Read once, after `start`.
   */
  readonly maxStreams?: number | undefined;
  /**
   * Whether all that is sent stays in this process, so that nobody else can read it. Then nothing is logged about
   * plaintext. A transport of your own that encrypts is told apart by `plaintext: true` in the configuration.
   */
  readonly isInProcess?: boolean | undefined;
  /** Binds and listens. Rejects, with nothing left open, when it cannot. Called once. */
  start(handlers: TransportHandlers): Promise<void>;
  /**
   * The address that others are told, decided after `start`.
   *
   * @param addr - the IP that the user wants to advertise, if any
   * @param port - the port that the user wants to advertise, if any
   * @throws when no address can be found to advertise
   */
  finalAdvertiseAddr(
    addr: string | undefined,
    port: number | undefined,
  ): { addr: string; port: number };
  /**
   * Whether an `'ip:port'` leads to this transport itself, such as a loopback address with the bound port.
   * Without this method, only the advertised address is known to be our own.
   */
  isOwn?(addr: string): boolean;
  /**
   * Whether an IP belongs to this machine at this moment. Without this method, a node does not notice that
   * its advertised address is gone.
   */
  isLocal?(ip: string): boolean;
  /**
   * Sends one datagram, best effort. A rejection is a local failure or a refusal that is known at
   * once; success says nothing about arrival.
   */
  writeTo(packet: Buffer, to: Address): void | Promise<void>;
  /**
   * Opens a stream.
   *
   * @param options.timeout - milliseconds until the attempt is given up
   */
  dial(
    to: Address,
    options: { timeout: number; signal?: AbortSignal | undefined },
  ): Promise<Connection>;
  /** From now on sockets do not keep the process alive. Without this method `Memberlist.unref` has no effect on them. */
  unref?(): void;
  /** Undoes `unref`. */
  ref?(): void;
  /** Closes sockets and open streams; resolves when the last is closed. Idempotent. */
  shutdown(): Promise<void>;
}

/** One byte stream between two nodes. */
export interface Connection {
  /** `'ip:port'` of the far end. */
  readonly remoteAddress: string;
  /**
   * The next bytes, or null at the end of the stream: the far end finished, or `close` was called.
   * Rejects when the stream broke. One read at a time.
   */
  read(): Promise<Buffer | null>;
  /** Resolves when the bytes were handed to the system; rejects when the stream is broken or closed. */
  write(data: Buffer): Promise<void>;
  /** Ends our side and gives up reading. Bytes already written are still delivered. Idempotent. */
  close(): void;
  /**
   * Ends the stream at once, also after `close`: writes that are pending reject, and what they hold is released.
   * Without it `close` is called instead, and what a peer does not read stays in memory until it ends by itself.
   * Idempotent.
   */
  destroy?(): void;
  /**
   * Breaks the stream in both directions, so that reads at the far end reject (over TCP: a reset). It tells a
   * sender that its bytes were not read. After `close` it does nothing. A transport that cannot do it
   * leaves it out; `close` is called instead.
   */
  reset?(): void;
}
