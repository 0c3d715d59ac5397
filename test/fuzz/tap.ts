/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A transport between a node and its network: it records incoming data, injects packets and streams of the
// fuzzer, and measures the node's time for each.
import type { Connection, Transport, TransportHandlers } from '../../src/index.js';
import type { Address } from '../../src/wire/address.js';

const sentKept = 16;

/** Wraps the transport of a node. */
export class Tap implements Transport {
  /** Incoming packets while `recording`. */
  readonly packets: Buffer[] = [];
  /** Incoming streams while `recording`, in pieces. */
  readonly streams: Buffer[][] = [];
  /** Packets by their sender's `'ip:port'`. */
  readonly counts = new Map<string, number>();
  /** The last packets that the node sent. */
  readonly sent: Buffer[] = [];
  /** The packet with the longest time since the last reset. */
  slowest: { readonly ms: number; readonly packet: Buffer } = { ms: 0, packet: Buffer.alloc(0) };
  recording = true;
  readonly #inner: Transport;
  #handlers: TransportHandlers | undefined;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  start(handlers: TransportHandlers): Promise<void> {
    this.#handlers = handlers;
    return this.#inner.start({
      packet: (buf, from, receivedAt) => {
        this.counts.set(from.addr, (this.counts.get(from.addr) ?? 0) + 1);
        if (this.recording) this.packets.push(Buffer.from(buf));
        this.inject(buf, from, receivedAt);
      },
      stream: (connection) =>
        handlers.stream(this.recording ? this.#record(connection) : connection),
    });
  }

  /** Delivers a packet; returns the milliseconds until the node has finished its immediate work. */
  inject(packet: Buffer, from: Address, receivedAt: number): number {
    const startedAt = performance.now();
    this.#handlers?.packet(packet, from, receivedAt);
    const ms = performance.now() - startedAt;
    if (ms > this.slowest.ms) this.slowest = { ms, packet };
    return ms;
  }

  /** Opens a stream to the node. */
  open(connection: Connection): void {
    this.#handlers?.stream(connection);
  }

  finalAdvertiseAddr(
    addr: string | undefined,
    port: number | undefined,
  ): { addr: string; port: number } {
    return this.#inner.finalAdvertiseAddr(addr, port);
  }

  writeTo(packet: Buffer, to: Address): void | Promise<void> {
    this.sent.push(packet);
    if (this.sent.length > sentKept) this.sent.shift();
    return this.#inner.writeTo(packet, to);
  }

  dial(...call: Parameters<Transport['dial']>): Promise<Connection> {
    return this.#inner.dial(...call);
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  #record(connection: Connection): Connection {
    const chunks: Buffer[] = [];
    this.streams.push(chunks);
    return {
      remoteAddress: connection.remoteAddress,
      write: (data) => connection.write(data),
      close: () => connection.close(),
      read: async () => {
        const chunk = await connection.read();
        if (chunk !== null) chunks.push(Buffer.from(chunk));
        return chunk;
      },
    };
  }
}
