/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The layers of a packet, from the outside in (wire protocol, section 3):
//
//     label header?  →  encryption?  →  CRC?  →  compression?  →  one message, or a compound
//
// Each layer appears at most once and in this order; no valid packet nests deeper.
import { CHECKSUM_BYTES, verifyChecksum, writeChecksum } from './checksum.js';
import type { Cipher } from './cipher.js';
import { assembledLength, splitCompound, writeAssembled } from './compound.js';
import { compressWithin, decompressContent } from './compression.js';
import type { Label } from './label.js';
import { limits } from './limits.js';
import { MessageType } from './message-type.js';
import { INCOMPLETE } from './msgpack-scan.js';
import { WireError } from './wire-error.js';

/** Receives one message of a packet: `buf[start]` is its type byte. */
export type MessageSink = (buf: Buffer, start: number, end: number) => void;

/** Holds a packet's content until it is known whether it is sent compressed. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Bytes of messages that fit into a packet of at most `packetBytes`; compound headers are included. */
export function packetBudget(packetBytes: number, codec: PacketCodec): number {
  return packetBytes - codec.overheadBytes;
}

/** Builds packets from encoded messages, and decodes packets. */
export class PacketCodec {
  readonly #label: Label;
  readonly #cipher: Cipher | undefined;
  readonly #compress: boolean;

  constructor(init: { label: Label; cipher: Cipher | undefined; compress: boolean }) {
    this.#label = init.label;
    this.#cipher = init.cipher;
    this.#compress = init.compress;
  }

  /** Bytes of a packet's budget that the outer layers take, without compound headers. */
  get overheadBytes(): number {
    const sealing = this.#cipher?.sealsOutgoing === true ? this.#cipher.overheadBytes : 0;
    return this.#label.header.length + sealing + CHECKSUM_BYTES;
  }

  /**
   * Encodes one packet with these messages, at most 255 of them.
   *
   * @param options.checksum - add the CRC layer: for receivers of protocol 5 and above
   */
  encode(messages: readonly Buffer[], options: { checksum: boolean }): Buffer {
    const cipher = this.#cipher?.sealsOutgoing === true ? this.#cipher : undefined;
    const header = this.#label.header;
    const front =
      (cipher === undefined ? header.length : 0) + (options.checksum ? CHECKSUM_BYTES : 0);
    const plain = this.#assemble(messages, front);
    if (options.checksum) writeChecksum(plain, front - CHECKSUM_BYTES, plain.length);
    const packet =
      cipher === undefined ? plain : cipher.seal(plain, this.#label.bytes, header.length);
    packet.set(header, 0);
    return packet;
  }

  /**
   * Decodes a packet and calls `sink` for each message in it.
   *
   * @throws WireError for the first violated rule; the complete messages of a compound, even those after an invalid
   *   one, were delivered
   */
  decode(packet: Buffer, sink: MessageSink): void {
    let buf = packet;
    let start = this.#label.contentStart(packet, packet.length);
    if (start === INCOMPLETE) {
      throw packet.length === 0
        ? new WireError('empty', 'an empty packet')
        : new WireError('bad-label', 'a truncated label');
    }
    if (this.#cipher !== undefined) {
      const opened = this.#cipher.open(buf.subarray(start), this.#label.bytes);
      if (opened !== undefined) {
        buf = opened;
        start = 0;
      } else if (this.#cipher.requiresSealed) {
        throw new WireError('undecryptable', 'no installed key opens it');
      }
    }
    if (buf[start] === MessageType.hasCrc) start = verifyChecksum(buf, start, buf.length);
    if (buf[start] === MessageType.compress) {
      const cursor = { buf, pos: start + 1, end: buf.length };
      buf = decompressContent(cursor, limits.decompressedPacketBytes);
      start = 0;
    }
    if (start >= buf.length) throw new WireError('empty', 'a packet without a message');
    const content = buf;
    let fault: WireError | undefined;
    const deliver = (from: number, to: number): void => {
      const found = faultOf(content, from, to);
      if (found === undefined) sink(content, from, to);
      else fault ??= found;
    };
    if (buf[start] !== MessageType.compound) deliver(start, buf.length);
    else splitCompound(content, start, content.length, deliver);
    if (fault !== undefined) throw fault;
  }

  // The messages, compressed if that makes them smaller, behind `front` bytes that the caller fills in later.
  #assemble(messages: readonly Buffer[], front: number): Buffer {
    const length = assembledLength(messages);
    if (!this.#compress) {
      const plain = Buffer.allocUnsafe(front + length);
      writeAssembled(messages, plain, front);
      return plain;
    }
    const target = length <= scratch.length ? scratch : Buffer.allocUnsafe(length);
    writeAssembled(messages, target, 0);
    const content = target.subarray(0, length);
    const compressed = compressWithin(content, { front, max: length - 1 });
    if (compressed !== undefined) return compressed;
    const plain = Buffer.allocUnsafe(front + length);
    plain.set(content, front);
    return plain;
  }
}

function faultOf(buf: Buffer, start: number, end: number): WireError | undefined {
  const type = start < end ? buf[start] : undefined;
  switch (type) {
    case undefined:
      return new WireError('empty', 'a part without a type');
    case MessageType.compound:
    case MessageType.compress:
    case MessageType.hasCrc:
    case MessageType.encrypt:
    case MessageType.hasLabel:
      return new WireError('too-deep', `layer ${type} inside a message`);
    default:
      return undefined;
  }
}
