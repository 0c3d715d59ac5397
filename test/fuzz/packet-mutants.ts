/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Mutants of packets, built from the inside out: message, compound, compression, checksum, cipher, label.
// Each layer is present or absent, valid or invalid.
import { assembledLength, COMPOUND_PART_BYTES, writeAssembled } from '../../src/wire/compound.js';
import { compressContent } from '../../src/wire/compression.js';
import { limits } from '../../src/wire/limits.js';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import type { ForgedMembers } from './forged-members.js';
import type { Dice } from './dice.js';
import type { Lane } from './lane.js';
import { mutateBytes, noise } from './mutate-bytes.js';
import { mutateMsgpack } from './mutate-msgpack.js';
import { golden, TARGET } from './seeds.js';
import { lzwBombForPackets, Wrapping } from './wrapping.js';

const largestPacket = 65_000;
const largestPart = 5_000;

/** The sources of packets. */
export interface PacketSeeds {
  /** Messages with their type byte, without layers. */
  readonly messages: readonly Buffer[];
  /** Captured packets. */
  readonly packets: readonly Buffer[];
}

/** Draws packets. `sequences` returns the sequence numbers of pings that wait for an ack. */
export class PacketMutants {
  readonly #dice: Dice;
  readonly #seeds: PacketSeeds;
  readonly #wholes: readonly Buffer[];
  readonly #heavy: readonly Buffer[];
  readonly #forgedMembers: ForgedMembers;
  readonly #wrapping: Wrapping;
  readonly #sequences: () => readonly number[];

  constructor(
    parts: { dice: Dice; forgedMembers: ForgedMembers; seeds: PacketSeeds; lane: Lane },
    sequences: () => readonly number[] = () => [],
  ) {
    this.#dice = parts.dice;
    this.#seeds = parts.seeds;
    this.#wholes = [
      ...parts.seeds.packets,
      ...golden('compound', 'compress', 'encrypt', 'label', 'message'),
    ];
    this.#forgedMembers = parts.forgedMembers;
    this.#heavy = heavyContents(parts.seeds.messages);
    this.#wrapping = new Wrapping(parts.lane, parts.dice);
    this.#sequences = sequences;
  }

  /** The next packet; it fits into a datagram. */
  next(): Buffer {
    return this.#draw().subarray(0, largestPacket);
  }

  #draw(): Buffer {
    const dice = this.#dice;
    if (dice.oneIn(10)) return this.#whole();
    if (dice.oneIn(1_000)) return this.#wrapping.packet(dice.pick(this.#heavy));
    if (dice.oneIn(300)) return this.#wrapping.packet(lzwBombForPackets());
    let content = dice.oneIn(4) ? this.#compound() : this.#message();
    if (dice.oneIn(6)) content = this.#wrapping.compressed(content);
    if (dice.oneIn(6)) content = this.#wrapping.summed(content);
    // Duplicate layers, or layers in the wrong order.
    if (dice.oneIn(60)) {
      content = dice.oneIn(2) ? this.#wrapping.compressed(content) : this.#wrapping.summed(content);
    }
    return this.#wrapping.packet(content);
  }

  #whole(): Buffer {
    let bytes = this.#dice.oneIn(4) ? noise(this.#dice) : this.#dice.pick(this.#wholes);
    for (let left = this.#dice.below(4); left > 0; left--) {
      bytes = mutateBytes(bytes, this.#dice.pick(this.#wholes), this.#dice);
    }
    return bytes;
  }

  #message(): Buffer {
    const dice = this.#dice;
    if (dice.oneIn(20)) return noise(dice);
    if (dice.oneIn(20)) return this.#answer();
    if (dice.oneIn(20)) {
      return Buffer.concat([Buffer.of(MessageType.user), dice.bytes(dice.length())]);
    }
    if (dice.oneIn(12)) {
      const claim = this.#forgedMembers.message();
      return dice.oneIn(3) ? mutateMsgpack(claim, 1, dice) : claim;
    }
    const { messages } = this.#seeds;
    const seed = dice.pick(messages);
    if (dice.oneIn(12)) return seed;
    if (dice.below(3) > 0 && seed[0] !== MessageType.user) return mutateMsgpack(seed, 1, dice);
    let bytes = seed;
    for (let left = 1 + dice.below(3); left > 0; left--) {
      bytes = mutateBytes(bytes, dice.pick(messages), dice);
    }
    if (dice.oneIn(10) && bytes.length > 0) bytes[0] = dice.below(16);
    return bytes;
  }

  // An ack or nack for a pending ping.
  #answer(): Buffer {
    const waiting = this.#sequences();
    const seqNo = waiting.length > 0 ? this.#dice.pick(waiting) : this.#dice.below(2 ** 32);
    const { ackResp, nackResp } = MessageType;
    const message = this.#dice.oneIn(2)
      ? encodeMessage({ type: nackResp, seqNo })
      : encodeMessage({ type: ackResp, seqNo, payload: this.#dice.bytes(this.#dice.below(40)) });
    return this.#dice.oneIn(2) ? message : mutateMsgpack(message, 1, this.#dice);
  }

  #compound(): Buffer {
    const dice = this.#dice;
    const count = dice.oneIn(100) ? 255 : 2 + dice.below(6);
    const drawn = Array.from({ length: count }, () =>
      count === 255 ? dice.pick(this.#seeds.messages) : this.#message(),
    );
    // Layers inside a message are not allowed.
    if (dice.oneIn(10)) drawn.push(this.#nested());
    const parts = drawn.filter(({ length }) => length < largestPart).slice(0, 255);
    if (parts.length === 1) parts.push(Buffer.alloc(0));
    const compound = Buffer.alloc(assembledLength(parts));
    writeAssembled(parts, compound, 0);
    if (dice.oneIn(6)) compound[1] = dice.pick([0, 1, 2, parts.length + 1, 255]);
    if (dice.oneIn(6) && compound.length > 3) {
      const at = 2 + 2 * dice.below(parts.length);
      const length = compound.readUInt16BE(at);
      compound.writeUInt16BE(dice.pick([0, 1, length + 1, Math.max(0, length - 1), 0xffff]), at);
    }
    if (dice.oneIn(8)) return compound.subarray(0, dice.below(compound.length));
    return compound;
  }

  #nested(): Buffer {
    const inner = this.#dice.pick(this.#seeds.messages);
    switch (this.#dice.below(4)) {
      case 0:
        return this.#wrapping.compressed(inner);
      case 1:
        return this.#wrapping.summed(inner);
      case 2:
        return Buffer.concat([Buffer.of(MessageType.compound, 1, 0, inner.length), inner]);
      default:
        return Buffer.concat([Buffer.of(MessageType.hasLabel, 1, 0x61), inner]);
    }
  }
}

// The maximum work in one packet: the maximum number of parts with the maximum length, compressed.
function heavyContents(messages: readonly Buffer[]): Buffer[] {
  const { decompressedPacketBytes, compoundParts } = limits;
  const each = Math.floor(decompressedPacketBytes / compoundParts) - COMPOUND_PART_BYTES - 10;
  const count = Buffer.alloc(2);
  count.writeUInt16BE(each - 20);
  const array = Buffer.concat([Buffer.of(0xdc), count, Buffer.alloc(each - 20, 1)]);
  const pairs = Math.floor(each / 3) - 2;
  count.writeUInt16BE(pairs);
  const map = Buffer.concat([Buffer.of(0xde), count, Buffer.alloc(pairs * 3, 'a161a0', 'hex')]);
  const self = messages.find((message) => message.includes(TARGET)) ?? array;
  const addr = Buffer.from('81a441646472', 'hex');
  const node = Buffer.from('81a44e6f6465', 'hex');
  const { alive, ping, suspect, user, compound } = MessageType;
  const bodies = [
    ...[alive, ping, suspect].map((type) => Buffer.concat([Buffer.of(type), addr, array])),
    Buffer.concat([Buffer.of(ping), node, array]),
    Buffer.concat([Buffer.of(alive), map]),
    Buffer.concat([Buffer.of(ping), Buffer.alloc(each, 0x91)]),
    Buffer.concat([Buffer.of(user), Buffer.alloc(each)]),
    Buffer.concat([Buffer.of(compound, 255), Buffer.alloc(each - 1)]),
    self,
  ];
  return bodies.map((body) => {
    const parts = new Array<Buffer>(compoundParts).fill(body);
    const content = Buffer.alloc(assembledLength(parts));
    writeAssembled(parts, content, 0);
    return compressContent(content);
  });
}
