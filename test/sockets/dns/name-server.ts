/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A name server for tests, over UDP and TCP: A and SRV records that change while it runs. It implements the
// necessary part of RFC 1035; over UDP it truncates answers above 512 bytes, so that resolvers repeat the
// query by TCP.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { ipToBytes } from '../../../src/wire/address.js';

const type = { A: 1, AAAA: 28, SRV: 33 } as const;
const mostOverUdp = 512;

/** One SRV record. */
export interface Srv {
  readonly target: string;
  readonly port: number;
}

export class NameServer implements AsyncDisposable {
  /** IPv4 addresses by name; a name in neither table does not exist. */
  readonly hosts = new Map<string, string[]>();
  readonly services = new Map<string, Srv[]>();
  readonly queries = { udp: 0, tcp: 0 };
  readonly #udp = createSocket('udp4');
  readonly #tcp = createServer((socket) => this.#serve(socket));
  readonly #open = new Set<Socket>();

  /** Listens at `ip:port`. */
  async listen(ip: string, port: number): Promise<void> {
    this.#udp.on('message', (query, from) => {
      this.queries.udp++;
      const answer = this.#answer(query);
      this.#udp.send(
        answer.length > mostOverUdp ? cutOff(answer, query) : answer,
        from.port,
        from.address,
      );
    });
    this.#udp.bind(port, ip);
    this.#tcp.listen(port, ip);
    await Promise.all([once(this.#udp, 'listening'), once(this.#tcp, 'listening')]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => void this.#udp.close(resolve)),
      new Promise((resolve) => this.#tcp.close(resolve)),
    ]);
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    let held = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#open.delete(socket));
    socket.on('data', (data: Buffer) => {
      held = Buffer.concat([held, data]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE()) {
        const end = 2 + held.readUInt16BE();
        this.queries.tcp++;
        const answer = this.#answer(held.subarray(2, end));
        socket.write(Buffer.concat([uint16(answer.length), answer]));
        held = held.subarray(end);
      }
    });
  }

  #answer(query: Buffer): Buffer {
    const { name, end } = readName(query, 12);
    const asked = query.readUInt16BE(end);
    const exists = this.hosts.has(name) || this.services.has(name);
    const records =
      asked === type.A
        ? (this.hosts.get(name) ?? []).map((ip) => ipToBytes(ip) as Buffer)
        : asked === type.SRV
          ? (this.services.get(name) ?? []).map(({ target, port }) =>
              Buffer.concat([uint16(0), uint16(1), uint16(port), writeName(target)]),
            )
          : [];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(exists ? 0x8580 : 0x8583, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const answers = records.map((data) =>
      // A pointer to the name of the question; the TTL is 0 seconds.
      Buffer.concat([
        uint16(0xc00c),
        uint16(asked),
        uint16(1),
        Buffer.alloc(4),
        uint16(data.length),
        data,
      ]),
    );
    return Buffer.concat([header, query.subarray(12, end + 4), ...answers]);
  }
}

/** No records, and the truncation bit. */
function cutOff(answer: Buffer, query: Buffer): Buffer {
  const { end } = readName(query, 12);
  const cut = Buffer.from(answer.subarray(0, end + 4));
  cut.writeUInt16BE(cut.readUInt16BE(2) | 0x0200, 2);
  cut.writeUInt16BE(0, 6);
  return cut;
}

function readName(packet: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function writeName(name: string): Buffer {
  const labels = name.split('.').map((label) => {
    const bytes = Buffer.from(label, 'latin1');
    return Buffer.concat([Buffer.of(bytes.length), bytes]);
  });
  return Buffer.concat([...labels, Buffer.of(0)]);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}
