/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the fuzzing of a running node is made of: what to mutate, how, and how to send it.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import {
  NetTransport,
  type Connection,
  type Transport,
  type TransportHandlers,
} from '../../src/index.js';
import { SeededRandom } from '../../src/testing/seeded-random.js';
import { writeChecksum } from '../../src/wire/checksum.js';
import { assembledLength, writeAssembled } from '../../src/wire/compound.js';
import { compressContent } from '../../src/wire/compression.js';
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import type { PacketCodec } from '../../src/wire/packet-codec.js';

const seed = process.env.FUZZ_SEED ?? 'fuzz';
export const host = '127.0.0.1';
const noSource = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };

interface Vector {
  readonly kind: string;
  readonly hex: string;
}

const fixture = new URL('../fixtures/memberlist-v0.6.json', import.meta.url);
const vectors = JSON.parse(readFileSync(fixture, 'utf8')) as Vector[];

/** Golden bytes of these kinds, the largest left out. */
export function golden(...kinds: string[]): Buffer[] {
  const chosen = vectors.filter(({ kind, hex }) => kinds.includes(kind) && hex.length < 8_000);
  return chosen.map(({ hex }) => Buffer.from(hex, 'hex'));
}

/** Remembers what comes in over the transport of production. */
export class Tap implements Transport {
  readonly packets: Buffer[] = [];
  readonly streams: Buffer[][] = [];
  /** Packets of a sender, by its `'ip:port'`. */
  readonly counts = new Map<string, number>();
  readonly #inner = new NetTransport({ bindAddr: host, bindPort: 0 });
  recording = true;

  start(handlers: TransportHandlers): Promise<void> {
    return this.#inner.start({
      packet: (buf, from, receivedAt) => {
        this.counts.set(from.addr, (this.counts.get(from.addr) ?? 0) + 1);
        if (this.recording) this.packets.push(Buffer.from(buf));
        handlers.packet(buf, from, receivedAt);
      },
      stream: (connection) =>
        handlers.stream(this.recording ? this.#record(connection) : connection),
    });
  }
  finalAdvertiseAddr(addr: string | undefined, port: number | undefined) {
    return this.#inner.finalAdvertiseAddr(addr, port);
  }
  writeTo(...packet: Parameters<Transport['writeTo']>): void | Promise<void> {
    return this.#inner.writeTo(...packet);
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

/** Draws bytes that are wrong, a little or altogether. */
export class Mutator {
  readonly #random: SeededRandom;
  readonly #corpus: readonly Buffer[];

  constructor(label: string, corpus: readonly Buffer[]) {
    this.#random = new SeededRandom(`${seed} ${label}`);
    this.#corpus = corpus;
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  sample(): Buffer {
    return Buffer.from(this.#corpus[this.below(this.#corpus.length)] as Buffer);
  }

  noise(): Buffer {
    const bytes = Buffer.allocUnsafe(this.below(this.below(100) === 0 ? 60_000 : 200));
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.below(256);
    // A type that exists makes noise go further.
    if (bytes.length > 0 && this.below(2) === 0) bytes[0] = this.below(14);
    if (bytes.length > 1 && this.below(2) === 0) bytes[1] = 0x80 | this.below(8);
    return bytes;
  }

  mutant(): Buffer {
    let bytes = this.below(5) === 0 ? this.noise() : this.sample();
    for (let left = this.below(4); left > 0; left--) bytes = this.#mutate(bytes);
    return bytes;
  }

  #mutate(bytes: Buffer): Buffer {
    const at = this.below(bytes.length + 1);
    const byte = at < bytes.length ? (bytes[at] as number) : 0;
    switch (this.below(8)) {
      case 0:
        if (at < bytes.length) bytes[at] = byte ^ (1 << this.below(8));
        return bytes;
      case 1:
        if (at < bytes.length) bytes[at] = this.below(256);
        return bytes;
      case 2: // The first bytes of MessagePack's containers, lengths and odd forms.
        if (at < bytes.length) {
          const firsts = [0x80, 0x8f, 0x9f, 0xc1, 0xc6, 0xc9, 0xcf, 0xd3, 0xd9, 0xdb, 0xdd, 0xdf];
          bytes[at] = firsts[this.below(firsts.length)] ?? 0;
        }
        return bytes;
      case 3:
        return bytes.subarray(0, at);
      case 4:
        return Buffer.concat([bytes, this.noise().subarray(0, 50)]);
      case 5: {
        const other = this.sample();
        return Buffer.concat([bytes.subarray(0, at), other.subarray(this.below(other.length + 1))]);
      }
      case 6: {
        const end = at + this.below(bytes.length - at + 1);
        return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
      }
      default:
        return Buffer.concat([
          bytes.subarray(0, at),
          bytes.subarray(Math.min(at + 1, bytes.length)),
        ]);
    }
  }

  /** Round a mutant there may be layers that are right, so that it comes further. */
  packet(): Buffer {
    let bytes = this.mutant();
    if (this.below(6) === 0) {
      const parts = [bytes, ...Array.from({ length: 1 + this.below(5) }, () => this.mutant())];
      const fitting = parts.filter(({ length }) => length < 5_000);
      const compound = Buffer.alloc(assembledLength(fitting));
      writeAssembled(fitting, compound, 0);
      bytes = compound;
    }
    if (this.below(6) === 0) bytes = compressContent(bytes);
    if (this.below(6) === 0) {
      bytes = Buffer.concat([Buffer.alloc(5), bytes]);
      writeChecksum(bytes, 0, bytes.length);
    }
    return bytes.subarray(0, 65_000);
  }
}

/** Sends packets in bursts, and after each waits for the ack of a ping: no buffer overflows. */
export class Attacker {
  readonly #socket = dgram.createSocket('udp4');
  readonly #target: { host: string; port: number };
  readonly #codec: PacketCodec;
  #seqNo = 0x4000_0000;
  #waiting: ((seqNo: number) => void) | undefined;
  sent = 0;

  constructor(target: { host: string; port: number }, codec: PacketCodec) {
    this.#target = target;
    this.#codec = codec;
    this.#socket.on('message', (packet) => {
      this.#codec.decode(packet, (buf, start, end) => {
        if (buf[start] !== MessageType.ackResp) return;
        const message = decodeMessage(buf, start, end);
        if (message.type === MessageType.ackResp) this.#waiting?.(message.seqNo);
      });
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#socket.bind(0, host, resolve));
    return `${host}:${this.#socket.address().port}`;
  }

  close(): void {
    this.#socket.close();
  }

  async burst(packets: readonly Buffer[]): Promise<void> {
    for (const packet of packets) await this.#send(packet);
    await this.acked();
  }

  /** Until the target has answered a ping, and so handled all that was sent before it. */
  async acked(): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      const seqNo = this.#seqNo++;
      const message = encodeMessage({ type: 0, seqNo, node: 'fuzz-target', ...noSource });
      let timer: NodeJS.Timeout | undefined;
      const answered = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), 500);
        this.#waiting = (acked) => acked === seqNo && resolve(true);
      });
      await this.#send(this.#codec.encode([message], { checksum: false }));
      const isAnswered = await answered;
      clearTimeout(timer);
      if (isAnswered) return;
    }
    assert.fail('the target answers no ping any more');
  }

  #send(packet: Buffer): Promise<void> {
    this.sent++;
    const { port } = this.#target;
    return new Promise((resolve, reject) => {
      this.#socket.send(packet, port, host, (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** One stream: bytes in pieces, then the end or the axe; over when the socket is closed. */
export function attackByStream(
  port: number,
  pieces: readonly Buffer[],
  axe: boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, allowHalfOpen: true });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.on('end', () => socket.end());
    socket.resume();
    for (const piece of pieces) socket.write(piece);
    if (!axe) socket.end();
    else socket.write('', () => socket.destroy());
  });
}
