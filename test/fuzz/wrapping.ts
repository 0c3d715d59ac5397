/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The layers around a mutant: usually valid, so that it gets far, and sometimes invalid, each in a different
// manner.
import { CHECKSUM_BYTES, writeChecksum } from '../../src/wire/checksum.js';
import { compressContent } from '../../src/wire/compression.js';
import type { Label } from '../../src/wire/label.js';
import { MessageType } from '../../src/wire/message-type.js';
import { SEAL_HEADER_BYTES } from '../../src/wire/stream-codec.js';
import type { Dice } from './dice.js';
import { layersOf, type Lane } from './lane.js';
import { parseTrees, writeTree } from './msgpack-tree.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateMsgpack } from './mutate-msgpack.js';
import { seal, sealedLength, type Sealing } from './seal.js';
import { snappyClaim, snappyMessage } from './snappy-block.js';

const KiB = 1024;

const foreignKey = '99'.repeat(32);

/** Wraps mutants for one lane. */
export class Wrapping {
  readonly #dice: Dice;
  readonly #lane: Lane;
  readonly #label: Label;

  constructor(lane: Lane, dice: Dice) {
    this.#dice = dice;
    this.#lane = lane;
    this.#label = layersOf(lane).label;
  }

  /** The compression layer: compressed mutants, and mutants of compressed bytes. */
  compressed(content: Buffer): Buffer {
    const dice = this.#dice;
    const isSnappy = dice.oneIn(4);
    if (isSnappy && dice.oneIn(12)) return snappyClaim(dice.oneIn(2) ? 300 * KiB : 50);
    const right = isSnappy ? snappyMessage(content) : compressContent(content);
    switch (dice.below(8)) {
      case 0:
        return mutatePacked(right, dice);
      case 1:
        return mutateMsgpack(right, 1, dice);
      case 2:
        return mutateBytes(right, content, dice);
      default:
        return right;
    }
  }

  /** The CRC layer: valid four times out of five. */
  summed(content: Buffer): Buffer {
    const bytes = Buffer.concat([Buffer.alloc(CHECKSUM_BYTES), content]);
    writeChecksum(bytes, 0, bytes.length);
    if (this.#dice.below(5) > 0) return bytes;
    if (this.#dice.oneIn(5)) return bytes.subarray(0, this.#dice.below(CHECKSUM_BYTES) + 1);
    return mutateBytes(bytes, content, this.#dice);
  }

  /** Cipher and label of a packet. */
  packet(content: Buffer): Buffer {
    const sealing = this.#drawSealing(100);
    const bytes =
      sealing === undefined
        ? content
        : this.#mangled(seal(content, this.#label.bytes, sealing, this.#dice));
    return Buffer.concat([this.#labelHeader(), bytes]);
  }

  /** Cipher and label of a stream. */
  stream(content: Buffer): Buffer {
    const sealing = this.#drawSealing(50);
    let bytes = content;
    if (sealing !== undefined) {
      const header = Buffer.alloc(SEAL_HEADER_BYTES);
      header[0] = MessageType.encrypt;
      header.writeUInt32BE(sealedLength(content.length, sealing), 1);
      const additionalData = Buffer.concat([header, this.#label.bytes]);
      const sealed = seal(content, additionalData, sealing, this.#dice);
      bytes = this.#mangled(Buffer.concat([header, sealed]));
    }
    return Buffer.concat([this.#labelHeader(), bytes]);
  }

  // With a key: unsealed one time in eight, sealed with another key one time in 30, padded one time in four.
  // Without a key some data is sealed.
  #drawSealing(seldom: number): Sealing | undefined {
    const dice = this.#dice;
    const { keyHex } = this.#lane;
    if (keyHex === undefined ? !dice.oneIn(seldom) : dice.oneIn(8)) return undefined;
    const isForeign = keyHex === undefined || dice.oneIn(30);
    return { keyHex: isForeign ? foreignKey : keyHex, version: dice.oneIn(4) ? 0 : 1 };
  }

  // Ciphertext, tag, nonce, version or length changed, one time in 12.
  #mangled(sealed: Buffer): Buffer {
    return this.#dice.oneIn(12) ? mutateBytes(sealed, sealed, this.#dice) : sealed;
  }

  #labelHeader(): Buffer {
    const dice = this.#dice;
    const { header } = this.#label;
    if (dice.below(16) > 0) return header;
    switch (dice.below(6)) {
      case 0:
        return noLabel;
      case 1:
        return Buffer.of(MessageType.hasLabel, 0);
      case 2:
        return Buffer.concat([header, header]);
      case 3: {
        const other = dice.bytes(dice.below(256));
        return Buffer.concat([Buffer.of(MessageType.hasLabel, other.length), other]);
      }
      case 4:
        return Buffer.of(MessageType.hasLabel, 255);
      default:
        return Buffer.concat([Buffer.of(MessageType.hasLabel, 4), Buffer.from('test')]);
    }
  }
}

const noLabel = Buffer.alloc(0);

// The compressed bytes themselves, in a valid map.
function mutatePacked(message: Buffer, dice: Dice): Buffer {
  const { trees } = parseTrees(message, 1);
  const [map] = trees;
  const codes = map?.kind === 'map' ? map.items[3] : undefined;
  if (map?.kind !== 'map' || codes?.kind !== 'raw') return message;
  const changed = dice.oneIn(6)
    ? dice.bytes(dice.length())
    : mutateBytes(codes.bytes, message, dice);
  const form = changed.length < 32 ? 'fix' : changed.length <= 0xffff ? 'str16' : 'str32';
  const items = [...map.items];
  items[3] = { kind: 'raw', form, bytes: changed };
  return Buffer.concat([message.subarray(0, 1), writeTree({ ...map, items })]);
}

let packetBomb: Buffer | undefined;
let streamBomb: Buffer | undefined;

/** Less than a kilobyte that decompresses to 300 KiB: above the limit of a packet. */
export function lzwBombForPackets(): Buffer {
  packetBomb ??= compressContent(Buffer.alloc(300 * KiB));
  return packetBomb;
}

/** Some 30 KiB that decompress to 41 MiB: above the limit of a stream. */
export function lzwBombForStreams(): Buffer {
  streamBomb ??= compressContent(Buffer.alloc(41 * KiB * KiB));
  return streamBomb;
}
