/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Floods a node with valid gossip: packets of ten alive messages, each with a newer incarnation than the one
// before. Ends by itself.
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { Label } from '../../src/wire/label.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';

/** The number of members in the flood. */
export const floodedMembers = 1_000;
export const perPacket = 10;
// Large enough that all incarnations have the same length on the wire, and can be incremented in place.
const firstIncarnation = 0x0001_0000;
const key = Buffer.from('\xabIncarnation', 'latin1');

/** A packet, and the positions of its incarnations. */
interface Template {
  readonly packet: Buffer;
  readonly places: readonly number[];
}

function templates(): Template[] {
  const label = new Label({ label: '', skipInboundCheck: false });
  const codec = new PacketCodec({ label, cipher: undefined, compress: false });
  const alive = (index: number): Buffer =>
    encodeMessage({
      type: MessageType.alive,
      node: `talked-about-${index}`,
      addr: Buffer.of(127, 9, index >> 8, index & 0xff),
      port: 7946,
      meta: Buffer.alloc(35, index),
      vsn: Buffer.of(1, 5, 2, 0, 0, 0),
      incarnation: firstIncarnation,
    });
  return Array.from({ length: floodedMembers / perPacket }, (_, packet) => {
    const messages = Array.from({ length: perPacket }, (_, i) => alive(packet * perPacket + i));
    const bytes = codec.encode(messages, { checksum: false });
    const places: number[] = [];
    for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + 1)) {
      places.push(at + key.length + 1);
    }
    return { packet: bytes, places };
  });
}

async function flood(host: string, port: number, rate: number, forMs: number): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.9.255.1', resolve));
  const all = templates();
  const startedAt = performance.now();
  let sent = 0;
  for (;;) {
    const goneMs = performance.now() - startedAt;
    if (goneMs >= forMs) break;
    const due = Math.floor((goneMs * rate) / 1_000);
    for (; sent < due; sent++) {
      const { packet, places } = all[sent % all.length] as Template;
      const incarnation = firstIncarnation + Math.floor(sent / all.length);
      for (const place of places) packet.writeUInt32BE(incarnation, place);
      // The socket sends the bytes at once or queues them without a copy; they change, so it gets a copy.
      socket.send(Buffer.from(packet), port, host);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise<void>((resolve) => socket.close(resolve));
  return sent;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [host, port, rate, forMs] = process.argv.slice(2);
  process.send?.(await flood(host as string, Number(port), Number(rate), Number(forMs)));
  process.disconnect();
}
