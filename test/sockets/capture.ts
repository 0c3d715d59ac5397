/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A tap on what a node sends: the transport of production, and a copy of every byte that it is
// given. Beside it, whether a text can be read out of those bytes.
import {
  NetTransport,
  type Address,
  type Connection,
  type Transport,
  type TransportHandlers,
} from '../../src/index.js';
import { lzwDecompress } from '../../src/wire/lzw.js';

/** A datagram that was sent. */
export interface SentPacket {
  readonly to: string;
  readonly bytes: Buffer;
}

/** One direction of a stream: what we wrote to it. */
export interface SentStream {
  /** `'ip:port'` of the far end. */
  readonly with: string;
  /** Whether we dialled: then this is a request, else an answer. */
  readonly dialled: boolean;
  readonly chunks: Buffer[];
}

/** `NetTransport`, and a copy of all that goes out. */
export class Capture implements Transport {
  readonly packets: SentPacket[] = [];
  readonly streams: SentStream[] = [];
  /** How many datagrams came in, by the `'ip:port'` that they came from. */
  readonly arrived = new Map<string, number>();
  readonly #inner: NetTransport;

  constructor(bindAddr: string, bindPort = 0) {
    this.#inner = new NetTransport({ bindAddr, bindPort });
  }

  /** Every datagram, and every direction of a stream as one piece. */
  get sent(): Buffer[] {
    return [
      ...this.packets.map(({ bytes }) => bytes),
      ...this.streams.map(({ chunks }) => Buffer.concat(chunks)),
    ];
  }

  forget(): void {
    this.packets.length = 0;
    this.streams.length = 0;
  }

  start(handlers: TransportHandlers): Promise<void> {
    return this.#inner.start({
      packet: (buf, from, receivedAt) => {
        this.arrived.set(from.addr, (this.arrived.get(from.addr) ?? 0) + 1);
        handlers.packet(buf, from, receivedAt);
      },
      stream: (connection) => handlers.stream(this.#recorded(connection, false)),
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
    return this.#recorded(await this.#inner.dial(...call), true);
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  #recorded(connection: Connection, dialled: boolean): Connection {
    const chunks: Buffer[] = [];
    this.streams.push({ with: connection.remoteAddress, dialled, chunks });
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

/** A port that was free on this IP a moment ago, for UDP and TCP. */
export async function freePort(bindAddr: string): Promise<number> {
  const transport = new NetTransport({ bindAddr, bindPort: 0 });
  await transport.start({ packet: () => undefined, stream: (stream) => stream.close() });
  const { port } = transport.finalAdvertiseAddr(undefined, undefined);
  await transport.shutdown();
  return port;
}

/** Which of the texts can be read in the bytes, as they are or once they are decompressed. */
export function readable(texts: readonly string[], pieces: readonly Buffer[]): string[] {
  const shown = pieces.flatMap((piece) => [piece, ...decompressed(piece)]);
  return texts.filter((text) => shown.some((bytes) => bytes.includes(text)));
}

/** What LZW makes of the bytes, from each place on where a compressed text could begin. */
function decompressed(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start + 2 < bytes.length; start++) {
    // Every LZW text begins with the clear code: 256 in nine bits, the lowest first.
    if (bytes[start] !== 0 || ((bytes[start + 1] as number) & 1) === 0) continue;
    try {
      found.push(lzwDecompress(bytes.subarray(start), 1_000_000));
    } catch {
      // No LZW begins here.
    }
  }
  return found;
}
