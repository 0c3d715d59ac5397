/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A capture of a cluster of our nodes and of foreign ones, sorted by sender and receiver.
import type { CapturedPacket, CapturedStream, Traffic } from './loopback-capture.js';

/** Packets and both directions of streams. */
export interface Received {
  readonly packets: Buffer[];
  readonly streams: Buffer[];
}

/** Where the bytes of a capture went. */
export interface SortedTraffic {
  /** From our nodes to foreign ones. */
  readonly toForeign: {
    readonly packets: Buffer[];
    /** Streams that our nodes opened. */
    readonly requests: Buffer[];
    /** Our side of streams that foreign nodes opened. */
    readonly answers: Buffer[];
  };
  readonly betweenForeign: Buffer[];
  readonly fromForeign: Buffer[];
  /** From our nodes to each of our nodes, by IP. */
  readonly toOurs: ReadonlyMap<string, Received>;
}

/** Which nodes are whose. */
export interface Nodes {
  readonly foreignIps: readonly string[];
  /** Whether one of our nodes opened this connection. One that is not known is foreign. */
  isOwnConnection(client: string, server: string): boolean;
}

/** Sorts a capture. */
export function sortTraffic({ packets, streams }: Traffic, nodes: Nodes): SortedTraffic {
  const sorting = new Sorting(nodes);
  for (const packet of packets) sorting.packet(packet);
  for (const stream of streams) sorting.stream(stream);
  return sorting;
}

class Sorting implements SortedTraffic {
  readonly toForeign = {
    packets: [] as Buffer[],
    requests: [] as Buffer[],
    answers: [] as Buffer[],
  };
  readonly betweenForeign: Buffer[] = [];
  readonly fromForeign: Buffer[] = [];
  readonly toOurs = new Map<string, Received>();
  readonly #nodes: Nodes;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  packet({ from, to, bytes }: CapturedPacket): void {
    const isFromForeign = this.#isForeign(from);
    if (!this.#isForeign(to)) {
      if (isFromForeign) this.fromForeign.push(bytes);
      else this.#at(to).packets.push(bytes);
    } else if (isFromForeign) this.betweenForeign.push(bytes);
    else this.toForeign.packets.push(bytes);
  }

  stream({ client, server, toServer, toClient }: CapturedStream): void {
    const isOwn = this.#nodes.isOwnConnection(client, server);
    if (this.#isForeign(server)) {
      if (isOwn) {
        this.toForeign.requests.push(toServer);
        this.fromForeign.push(toClient);
      } else this.betweenForeign.push(toServer, toClient);
    } else if (isOwn) this.#at(server).streams.push(toServer, toClient);
    else {
      this.toForeign.answers.push(toClient);
      this.fromForeign.push(toServer);
    }
  }

  #at(address: string): Received {
    const ip = ipOf(address);
    const received = this.toOurs.get(ip) ?? { packets: [], streams: [] };
    this.toOurs.set(ip, received);
    return received;
  }

  #isForeign(address: string): boolean {
    return this.#nodes.foreignIps.includes(ipOf(address));
  }
}

function ipOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

/** How often bytes are in the pieces. */
export function count(pieces: readonly Buffer[], bytes: string | Uint8Array): number {
  let found = 0;
  for (const piece of pieces) {
    for (let at = piece.indexOf(bytes); at >= 0; at = piece.indexOf(bytes, at + 1)) found++;
  }
  return found;
}

const envelope = Buffer.of(0xc1, 0xfd);

/** The names of extensions whose messages are in the bytes: `C1 FD`, the length of a name, and the name. */
export function envelopesIn(bytes: Buffer): string[] {
  const names: string[] = [];
  for (let at = bytes.indexOf(envelope); at >= 0; at = bytes.indexOf(envelope, at + 1)) {
    const start = at + envelope.length + 1;
    const length = bytes[start - 1] ?? 0;
    const name = bytes.toString('latin1', start, start + length);
    if (name.length === length && /^[a-z0-9-]{1,16}$/.test(name)) names.push(name);
  }
  return names;
}

const crc = 12;
const crcBytes = 5;
const compressed = 9;

/** Whether a packet, or one side of a stream, is compressed. */
export function isCompressed(bytes: Buffer): boolean {
  return bytes[bytes[0] === crc ? crcBytes : 0] === compressed;
}
