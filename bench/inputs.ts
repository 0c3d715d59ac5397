/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The data that nodes receive during a measurement, as files that both sides read: created once by our codecs, so that
// both receive the same bytes. The files are in a folder that is removed at the end.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeMessage } from '../src/wire/message-codec.js';
import { lzwCompress } from '../src/wire/lzw.js';
import { MessageType } from '../src/wire/message-type.js';
import { noBytes } from '../src/wire/messages.js';
import { PacketCodec } from '../src/wire/packet-codec.js';
import { encodePushPull, wrapForStream } from '../src/wire/stream-codec.js';
import { aliveClaim, memberRecord, targetName } from './members.js';
import type { Layers } from './protocol.js';
import { streamLayers } from './ours/unwrap.js';

/** The wrappings of packets and streams, by name. */
export const layersByName = {
  plain: { compress: false, key: '' },
  compressed: { compress: true, key: '' },
  // AES-128.
  encrypted: { compress: false, key: Buffer.alloc(16, 0x5a).toString('base64') },
  both: { compress: true, key: Buffer.alloc(16, 0x5a).toString('base64') },
} as const satisfies Record<string, Layers>;

export type LayersName = keyof typeof layersByName;

/** Creates input files, each once. */
export class Inputs implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'memberlist-bench-'));
  readonly #made = new Set<string>();

  /** A push/pull request with `members` members, all with one incarnation; with none, it only requests the table. */
  pushPull(members: number, incarnation: number, layers: LayersName): string {
    return this.#file(`push-pull-${members}-${incarnation}-${layers}`, () =>
      wrapForStream(pushPullOf(members, incarnation), streamLayers(layersByName[layers])),
    );
  }

  /**
   * Gossip packets: a compound of `perPacket` alive messages, with a checksum. They cycle through the members, with the
   * next incarnation in each cycle, starting with 2.
   */
  alivePackets(members: number, packets: number, perPacket: number, layers: LayersName): string {
    return this.#file(`alives-${packets}-${layers}`, () => {
      const codec = new PacketCodec(streamLayers(layersByName[layers]));
      const parts = Array.from({ length: packets }, (_, packet) =>
        codec.encode(
          Array.from({ length: perPacket }, (_, place) =>
            alive(packet * perPacket + place, members),
          ),
          { checksum: true },
        ),
      );
      return lengthPrefixed(parts);
    });
  }

  /** A ping from the first member: acks to other nodes carry no broadcasts. */
  ping(layers: LayersName): string {
    return this.#file(`ping-${layers}`, () => {
      const { name, addr, port } = memberRecord(1, 1);
      const ping = encodeMessage({
        type: MessageType.ping,
        seqNo: 4711,
        node: targetName,
        sourceAddr: addr,
        sourcePort: port,
        sourceNode: name,
      });
      const codec = new PacketCodec(streamLayers(layersByName[layers]));
      return lengthPrefixed([codec.encode([ping], { checksum: false })]);
    });
  }

  /** The first `bytes` bytes of a compound of alive messages (a packet), or of a push/pull (a stream). */
  content(bytes: number, of: 'packet' | 'stream'): string {
    return this.#file(`content-${of}-${bytes}`, () => contentOf(bytes, of));
  }

  /** The same, compressed. */
  compressed(bytes: number, of: 'packet' | 'stream'): string {
    return this.#file(`compressed-${of}-${bytes}`, () => lzwCompress(contentOf(bytes, of)));
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string, make: () => Uint8Array): string {
    const path = join(this.#folder, name);
    if (!this.#made.has(name)) writeFileSync(path, make());
    this.#made.add(name);
    return path;
  }
}

function alive(index: number, members: number): Buffer {
  return encodeMessage(aliveClaim(index % members, 2 + Math.floor(index / members)));
}

function pushPullOf(members: number, incarnation: number): Buffer {
  const records = Array.from({ length: members }, (_, index) => memberRecord(index, incarnation));
  return encodePushPull({ join: false, records, userState: noBytes });
}

function contentOf(bytes: number, of: 'packet' | 'stream'): Buffer {
  const membersEnough = Math.ceil(bytes / 80);
  if (of === 'stream') return pushPullOf(membersEnough, 1).subarray(0, bytes);
  const codec = new PacketCodec(streamLayers(layersByName.plain));
  const messages = Array.from({ length: membersEnough }, (_, index) => alive(index, membersEnough));
  return codec.encode(messages, { checksum: false }).subarray(0, bytes);
}

function lengthPrefixed(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}
