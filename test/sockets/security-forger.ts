/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Forgeries of an attacker without the key: packets and streams that look like real ones, which no node may
// accept; and their sender.
import { createSocket, type Socket } from 'node:dgram';
import { Keyring } from '../../src/index.js';
import { GossipCipher } from '../../src/security/aes-gcm.js';
import { SeededRandom } from '../../src/testing/seeded-random.js';
import { Label } from '../../src/wire/label.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { wrapForStream, type StreamLayers } from '../../src/wire/stream-codec.js';

/** The layers of a node with this key and this label. */
export function layersOf(key: Buffer | undefined, label: string, version: 0 | 1): StreamLayers {
  const rules = { version, verifyIncoming: true, verifyOutgoing: true } as const;
  const cipher = key && new GossipCipher({ keyring: new Keyring(key), ...rules });
  return { label: new Label({ label, skipInboundCheck: false }), cipher, compress: false };
}

/** The attacker's knowledge: captures and the label. Forged messages are composed from scratch. */
export interface Knowledge {
  readonly captured: readonly Buffer[];
  readonly forgedMessages: readonly Buffer[];
  readonly label: string;
  readonly version: 0 | 1;
  /** A key of the same length that does not belong to the cluster. */
  readonly wrongKey: Buffer;
  /** The cluster's key: for the traffic of another cluster with the same key. */
  readonly key: Buffer;
}

/** Creates invalid packets or streams, each in a different manner. */
export class Forger {
  readonly #random: SeededRandom;
  readonly #known: Knowledge;
  readonly #wrap: (message: Buffer, layers: StreamLayers) => Buffer;
  /** Bytes before the version byte. */
  readonly #versionAt: number;

  constructor(seed: string, known: Knowledge, kind: 'packet' | 'stream') {
    this.#random = new SeededRandom(`${seed} ${kind}`);
    this.#known = known;
    this.#wrap = kind === 'packet' ? packetOf : streamOf;
    const header = layersOf(undefined, known.label, 1).label.header.length;
    this.#versionAt = header + (kind === 'packet' ? 0 : 5);
  }

  /** Differs from all captures, in more than the version byte. */
  forge(): Buffer {
    const { label, wrongKey, key, version } = this.#known;
    switch (this.#below(12)) {
      case 0: // Sealed with another key, or not sealed.
        return this.#wrap(this.#forgedMessage(), layersOf(wrongKey, label, version));
      case 1:
        return this.#wrap(this.#forgedMessage(), layersOf(undefined, label, version));
      case 2: // From another cluster with the same key; and the same with our label.
        return this.#wrap(this.#forgedMessage(), layersOf(key, 'another cluster', version));
      case 3:
        return this.#underOurLabel(
          this.#wrap(this.#forgedMessage(), layersOf(key, 'another', version)),
        );
      case 4:
        return this.#other(this.#captured(), (bytes) => bytes.subarray(0, this.#cut(bytes)));
      case 5:
        return this.#other(this.#captured(), (bytes) => this.#mixed(bytes));
      case 6: // Unknown versions.
        return this.#other(this.#captured(), (bytes) => {
          bytes[this.#versionAt] = 2 + this.#below(254);
          return bytes;
        });
      case 7: // One byte of the nonce or the tag.
        return this.#other(this.#captured(), (bytes) => {
          const at = this.#versionAt + 1 + this.#below(12);
          const position = this.#below(2) === 0 ? at : bytes.length - 1 - this.#below(16);
          bytes[position] = this.#below(256);
          return bytes;
        });
      default:
        return this.#other(this.#captured(), (bytes) => this.#flipped(bytes));
    }
  }

  /** All captures with version 0 in place of 1 and 1 in place of 0, and no other change. */
  withSwappedVersions(): Buffer[] {
    return this.#known.captured.map((original) => {
      const bytes = Buffer.from(original);
      bytes[this.#versionAt] = 1 - (bytes[this.#versionAt] as number);
      return bytes;
    });
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  #captured(): Buffer {
    const { captured } = this.#known;
    return captured[this.#below(captured.length)] as Buffer;
  }

  #forgedMessage(): Buffer {
    const { forgedMessages } = this.#known;
    return forgedMessages[this.#below(forgedMessages.length)] as Buffer;
  }

  // Changes a copy until it differs from all captures, regardless of the version byte.
  #other(original: Buffer, change: (bytes: Buffer) => Buffer): Buffer {
    for (;;) {
      const changed = change(Buffer.from(original));
      const sameVersion = Buffer.from(changed);
      if (sameVersion.length > this.#versionAt) {
        sameVersion[this.#versionAt] = original[this.#versionAt] as number;
      }
      const isVersion = changed[this.#versionAt]! > 1 && changed.length === original.length;
      if (isVersion || !this.#known.captured.some((each) => each.equals(sameVersion)))
        return changed;
    }
  }

  #cut(bytes: Buffer): number {
    return 1 + this.#below(bytes.length - 1);
  }

  #flipped(bytes: Buffer): Buffer {
    for (let left = 1 + this.#below(3); left > 0; left--) {
      const bit = this.#below(bytes.length * 8);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    }
    return bytes;
  }

  // The beginning of one capture and the end of another.
  #mixed(bytes: Buffer): Buffer {
    const other = this.#captured();
    const start = bytes.subarray(0, this.#cut(bytes));
    return Buffer.concat([start, other.subarray(Math.min(start.length, other.length - 1))]);
  }

  #underOurLabel(bytes: Buffer): Buffer {
    const theirs = layersOf(undefined, 'another', 1).label.header.length;
    const { header } = layersOf(undefined, this.#known.label, 1).label;
    return Buffer.concat([header, bytes.subarray(theirs)]);
  }
}

function packetOf(message: Buffer, layers: StreamLayers): Buffer {
  return new PacketCodec(layers).encode([message], { checksum: false });
}

function streamOf(message: Buffer, layers: StreamLayers): Buffer {
  return Buffer.concat([layers.label.header, wrapForStream(message, layers)]);
}

/** Sends datagrams from its own port. */
export class Sender {
  readonly #socket: Socket = createSocket('udp4');
  readonly answers: Buffer[] = [];

  /** @returns its `'ip:port'` */
  open(host: string): Promise<string> {
    this.#socket.on('message', (answer) => this.answers.push(answer));
    return new Promise((resolve) => {
      this.#socket.bind(0, host, () => resolve(`${host}:${this.#socket.address().port}`));
    });
  }

  send(packet: Buffer, to: { addr: string; port: number }): void {
    this.#socket.send(packet, to.port, to.addr);
  }

  close(): void {
    this.#socket.close();
  }
}
