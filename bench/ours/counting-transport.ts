/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Counts the traffic of a transport.

import type { Address, Connection, Transport, TransportHandlers } from '../../src/index.js';

/** What all nodes of this process sent. */
export class Traffic {
  packets = 0;
  packetBytes = 0;
  /** In both directions of the streams that were opened here. */
  streamBytes = 0;
}

export class CountingTransport implements Transport {
  readonly #inner: Transport;
  readonly #traffic: Traffic;

  constructor(inner: Transport, traffic: Traffic) {
    this.#inner = inner;
    this.#traffic = traffic;
  }

  start(handlers: TransportHandlers): Promise<void> {
    return this.#inner.start(handlers);
  }

  finalAdvertiseAddr(
    addr: string | undefined,
    port: number | undefined,
  ): { addr: string; port: number } {
    return this.#inner.finalAdvertiseAddr(addr, port);
  }

  writeTo(packet: Buffer, to: Address): void | Promise<void> {
    this.#traffic.packets++;
    this.#traffic.packetBytes += packet.length;
    return this.#inner.writeTo(packet, to);
  }

  async dial(
    to: Address,
    options: { timeout: number; signal?: AbortSignal | undefined },
  ): Promise<Connection> {
    return new CountingConnection(await this.#inner.dial(to, options), this.#traffic);
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}

class CountingConnection implements Connection {
  readonly #inner: Connection;
  readonly #traffic: Traffic;

  constructor(inner: Connection, traffic: Traffic) {
    this.#inner = inner;
    this.#traffic = traffic;
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  async read(): Promise<Buffer | null> {
    const chunk = await this.#inner.read();
    this.#traffic.streamBytes += chunk?.length ?? 0;
    return chunk;
  }

  write(data: Buffer): Promise<void> {
    this.#traffic.streamBytes += data.length;
    return this.#inner.write(data);
  }

  close(): void {
    this.#inner.close();
  }
}
