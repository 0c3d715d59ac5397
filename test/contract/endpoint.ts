/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Started transports for tests, and helpers for the streams between them.
import assert from 'node:assert/strict';
import type { Address, Connection, Transport } from '../../src/transport/transport.js';
import { joinHostPort } from '../../src/wire/address.js';

interface Packet {
  readonly data: Buffer;
  readonly from: Address;
  readonly receivedAt: number;
}

/** Received items in order, for tests that wait for them. */
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

/** A started transport, with the packets and streams that it received. */
export class Endpoint implements AsyncDisposable {
  readonly packets = new Inbox<Packet>();
  readonly streams = new Inbox<Connection>();
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  static async start(transport: Transport): Promise<Endpoint> {
    const endpoint = new Endpoint(transport);
    await transport.start({
      packet: (data, from, receivedAt) => endpoint.packets.add({ data, from, receivedAt }),
      stream: (connection) => endpoint.streams.add(connection),
    });
    return endpoint;
  }

  get addr(): string {
    const { addr, port } = this.transport.finalAdvertiseAddr(undefined, undefined);
    return joinHostPort(addr, port);
  }

  dial(to: Endpoint): Promise<Connection> {
    return this.transport.dial({ addr: to.addr }, { timeout: 5_000 });
  }

  /** Opens a stream to another endpoint; resolves to both ends. */
  async connect(to: Endpoint): Promise<[near: Connection, far: Connection]> {
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

/** Bytes in which missing, duplicated or reordered parts are detectable. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff;
  return bytes;
}

/** Waits until all pending data on this machine has arrived. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for a promise; resolves to its rejection, or to undefined. */
export async function failureOf(promise: Promise<unknown>): Promise<Error | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
}

/** The open sockets and servers of this process. */
export function openHandles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /UDP|TCP/.test(name));
}
