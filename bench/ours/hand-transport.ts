/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The transport of a node under test: the benchmark delivers packets and streams to it.

import { setImmediate as turn } from 'node:timers/promises';
import type { Address, Connection, Transport, TransportHandlers } from '../../src/index.js';
import { memberPort, senderAddress, targetIp } from '../members.js';

const from: Address = { addr: senderAddress };

/** The maximum result of one read, as with a socket whose buffer is full. */
const pieceBytes = 64 * 1024;

export class HandTransport implements Transport {
  readonly #onSend: (packet: Buffer) => void;
  #handlers: TransportHandlers | undefined;

  /** @param onSend - receives every packet that the node sends */
  constructor(onSend: (packet: Buffer) => void) {
    this.#onSend = onSend;
  }

  start(handlers: TransportHandlers): Promise<void> {
    this.#handlers = handlers;
    return Promise.resolve();
  }

  finalAdvertiseAddr(): { addr: string; port: number } {
    return { addr: targetIp, port: memberPort };
  }

  writeTo(packet: Buffer): void {
    this.#onSend(packet);
  }

  dial(to: Address): Promise<Connection> {
    return Promise.reject(new Error(`no node runs at ${to.addr}`));
  }

  shutdown(): Promise<void> {
    this.#handlers = undefined;
    return Promise.resolve();
  }

  /** Delivers a packet. */
  receive(packet: Buffer): void {
    this.#handlers?.packet(packet, from, performance.now());
  }

  /**
   * Opens a stream to the node, sends the request and returns the answer when the node has closed the
   * stream: then its work is done.
   */
  exchange(request: Buffer): Promise<Buffer> {
    const connection = new HandConnection(request);
    this.#handlers?.stream(connection);
    return connection.answer;
  }
}

/** A stream whose far end has sent everything. Each piece arrives in its own turn, as from a socket. */
class HandConnection implements Connection {
  readonly remoteAddress = senderAddress;
  readonly answer: Promise<Buffer>;
  readonly #written: Buffer[] = [];
  #answered!: (answer: Buffer) => void;
  #rest: Buffer;
  #isClosed = false;

  constructor(request: Buffer) {
    this.#rest = request;
    this.answer = new Promise((resolve) => {
      this.#answered = resolve;
    });
  }

  async read(): Promise<Buffer | null> {
    await turn();
    if (this.#isClosed || this.#rest.length === 0) return null;
    const piece = this.#rest.subarray(0, pieceBytes);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  async write(data: Buffer): Promise<void> {
    this.#written.push(data);
    await turn();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const [first, ...more] = this.#written;
    this.#answered(first !== undefined && more.length === 0 ? first : Buffer.concat(this.#written));
  }
}
