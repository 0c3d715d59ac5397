/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Transports in tests, and the streams between them.

import assert from 'node:assert/strict';
import type { Address, Connection, Transport } from '../../src/transport/transport.js';
import { joinHostPort } from '../../src/wire/address.js';

interface Packet {
  readonly data: Buffer;
  readonly from: Address;
  readonly receivedAt: number;
}

/** What came, in order, for those who wait for it. */
class Inbox<T> {
  readonly all: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];
  #taken = 0;

  add(item: T): void {
    this.all.push(item);
    const resolve = this.#waiting.shift();
    if (resolve) this.#taken++;
    resolve?.(item);
  }

  next(): Promise<T> {
    const item = this.all[this.#taken];
    if (item !== undefined) {
      this.#taken++;
      return Promise.resolve(item);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** A started transport and what came to it. */
export class Station implements AsyncDisposable {
  readonly packets = new Inbox<Packet>();
  readonly streams = new Inbox<Connection>();
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  static async start(transport: Transport): Promise<Station> {
    const station = new Station(transport);
    await transport.start({
      packet: (data, from, receivedAt) => station.packets.add({ data, from, receivedAt }),
      stream: (connection) => station.streams.add(connection),
    });
    return station;
  }

  get addr(): string {
    const { addr, port } = this.transport.finalAdvertiseAddr(undefined, undefined);
    return joinHostPort(addr, port);
  }

  dial(to: Station): Promise<Connection> {
    return this.transport.dial({ addr: to.addr }, { timeout: 5_000 });
  }

  /** A stream to another station: our end and theirs. */
  async connect(to: Station): Promise<[near: Connection, far: Connection]> {
    return Promise.all([this.dial(to), to.streams.next()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.shutdown();
  }
}

export async function readAll(connection: Connection): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function readExactly(connection: Connection, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let size = 0; size < length;) {
    const chunk = await connection.read();
    assert.ok(chunk, `the stream ended after ${size} of ${length} bytes`);
    chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** Bytes that show when something is missing, doubled or out of order. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff;
  return bytes;
}

/** Lets everything that is under way on this machine arrive. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Whatever becomes of it; what it rejected with, or undefined. */
export async function failureOf(promise: Promise<unknown>): Promise<Error | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
}

/** The sockets and servers that this process has open. */
export function openHandles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /UDP|TCP/.test(name));
}
