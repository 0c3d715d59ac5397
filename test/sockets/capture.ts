/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Captures the traffic of a node: the production transport with a copy of all sent bytes. Also checks whether
// a text is readable in those bytes.
import {
  NetTransport,
  type Address,
  type Connection,
  type Transport,
  type TransportHandlers,
} from '../../src/index.js';
import { lzwDecompress } from '../../src/wire/lzw.js';

/** A sent datagram. */
export interface SentPacket {
  readonly to: string;
  readonly bytes: Buffer;
}

/** One direction of a stream: the bytes that we wrote. */
export interface SentStream {
  /** `'ip:port'` of the remote end. */
  readonly with: string;
  /** Whether we opened the stream: then this is a request, else an answer. */
  readonly outbound: boolean;
  readonly chunks: Buffer[];
}

/** `NetTransport` with a copy of all outgoing data. */
export class Capture implements Transport {
  readonly packets: SentPacket[] = [];
  readonly streams: SentStream[] = [];
  /** The number of received datagrams, by the sender's `'ip:port'`. */
  readonly arrived = new Map<string, number>();
  readonly #inner: NetTransport;

  constructor(bindAddr: string, bindPort = 0) {
    this.#inner = new NetTransport({ bindAddr, bindPort });
  }

  /** All datagrams, and each direction of a stream as one buffer. */
  get sent(): Buffer[] {
    return [
      ...this.packets.map(({ bytes }) => bytes),
      ...this.streams.map(({ chunks }) => Buffer.concat(chunks)),
    ];
  }

  clear(): void {
    this.packets.length = 0;
    this.streams.length = 0;
  }

  start(handlers: TransportHandlers): Promise<void> {
    return this.#inner.start({
      packet: (buf, from, receivedAt) => {
        this.arrived.set(from.addr, (this.arrived.get(from.addr) ?? 0) + 1);
        handlers.packet(buf, from, receivedAt);
      },
      stream: (connection) => handlers.stream(this.#record(connection, false)),
    });
  }

  finalAdvertiseAddr(addr: string | undefined, port: number | undefined) {
    return this.#inner.finalAdvertiseAddr(addr, port);
  }

  writeTo(packet: Buffer, to: Address): void | Promise<void> {
    this.packets.push({ to: to.addr, bytes: Buffer.from(packet) });
    return this.#inner.writeTo(packet, to);
  }

  async dial(...call: Parameters<Transport['dial']>): Promise<Connection> {
    return this.#record(await this.#inner.dial(...call), true);
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  #record(connection: Connection, outbound: boolean): Connection {
    const chunks: Buffer[] = [];
    this.streams.push({ with: connection.remoteAddress, outbound, chunks });
    return {
      remoteAddress: connection.remoteAddress,
      read: () => connection.read(),
      close: () => connection.close(),
      write: (data) => {
        chunks.push(Buffer.from(data));
        return connection.write(data);
      },
    };
  }
}

/** A port that is currently free on this IP, for UDP and TCP. */
export async function freePort(bindAddr: string): Promise<number> {
  const transport = new NetTransport({ bindAddr, bindPort: 0 });
  await transport.start({ packet: () => undefined, stream: (stream) => stream.close() });
  const { port } = transport.finalAdvertiseAddr(undefined, undefined);
  await transport.shutdown();
  return port;
}

/** The texts that are readable in the bytes, directly or after decompression. */
export function readable(texts: readonly string[], pieces: readonly Buffer[]): string[] {
  const shown = pieces.flatMap((piece) => [piece, ...decompressed(piece)]);
  return texts.filter((text) => shown.some((bytes) => bytes.includes(text)));
}

/** The LZW decompression of the bytes, from each position at which compressed data could begin. */
function decompressed(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start + 2 < bytes.length; start++) {
    // LZW data begins with the clear code: 256 in nine bits, least significant bit first.
    if (bytes[start] !== 0 || ((bytes[start + 1] as number) & 1) === 0) continue;
    try {
      found.push(lzwDecompress(bytes.subarray(start), 1_000_000));
    } catch {
      // Not LZW data.
    }
  }
  return found;
}
