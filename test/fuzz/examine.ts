/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Determines how far a mutant gets, layer by layer, and its content: for the coverage of a run, and to
// exclude mutants that a node rightly accepts. It removes the layers one by one with the functions of
// src/wire, where the codecs remove all at once.
import { isDeepStrictEqual } from 'node:util';
import { verifyChecksum } from '../../src/wire/checksum.js';
import { splitCompound } from '../../src/wire/compound.js';
import { decompressContent } from '../../src/wire/compression.js';
import { Label } from '../../src/wire/label.js';
import { limits } from '../../src/wire/limits.js';
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import type { Message } from '../../src/wire/messages.js';
import { compressedSchema, schemaOfType } from '../../src/wire/schemas.js';
import { INCOMPLETE } from '../../src/wire/msgpack-scan.js';
import { decodeStructSlowPath } from '../../src/wire/slow-path.js';
import {
  SEAL_HEADER_BYTES,
  StreamReader,
  type StreamLayers,
  type StreamMessage,
} from '../../src/wire/stream-codec.js';
import { readStruct } from '../../src/wire/struct-codec.js';
import { WireError } from '../../src/wire/wire-error.js';

/** The content of a packet or stream. */
export interface Examination {
  /** Marks: every valid or invalid layer, and every message: `'lzw ok'`, `'alive malformed'` … */
  readonly marks: readonly string[];
  /** The decoded messages. */
  readonly messages: readonly (Message | StreamMessage)[];
}

const typeNames = new Map<number | undefined, string>(
  Object.entries(MessageType).map(([name, type]) => [type, name]),
);
const noLayers = {
  label: new Label({ label: '', skipInboundCheck: false }),
  cipher: undefined,
  compress: false,
};

class Notes implements Examination {
  readonly marks: string[] = [];
  readonly messages: (Message | StreamMessage)[] = [];

  /** The result of `work`; undefined and a mark if the layer is invalid. */
  layer<T>(name: string, work: () => T): T | undefined {
    const result = faultOr(work);
    this.marks.push(`${name} ${result instanceof WireError ? result.fault : 'ok'}`);
    return result instanceof WireError ? undefined : result;
  }
}

/** Decodes a packet like a node with these layers. */
export function examinePacket(packet: Buffer, layers: StreamLayers): Examination {
  const notes = new Notes();
  let content = outerLayers(packet, layers, notes);
  if (content?.[0] === MessageType.hasCrc) {
    const summed = content;
    const start = notes.layer('crc', () => verifyChecksum(summed, 0, summed.length));
    content = start === undefined ? undefined : summed.subarray(start);
  }
  if (content?.[0] === MessageType.compress) {
    content = decompressed(content, limits.decompressedPacketBytes, notes);
  }
  if (content === undefined) return notes;
  const whole = content;
  if (whole[0] !== MessageType.compound) examineMessage(whole, notes);
  else {
    notes.layer('compound', () =>
      splitCompound(whole, 0, whole.length, (start, end) =>
        examineMessage(whole.subarray(start, end), notes),
      ),
    );
  }
  return notes;
}

/** Decodes a stream like a node with these layers. */
export function examineStream(stream: Buffer, layers: StreamLayers): Examination {
  const notes = new Notes();
  const start = notes.layer('label', () => layers.label.contentStart(stream, stream.length));
  if (start === undefined || start === INCOMPLETE) return notes;
  let content: Buffer | undefined = stream.subarray(start);
  if (content[0] === MessageType.encrypt) content = opened(content, layers, notes);
  else if (layers.cipher?.requiresSealed === true) {
    notes.marks.push('cipher undecryptable');
    return notes;
  }
  if (content?.[0] === MessageType.compress) {
    content = decompressed(content, limits.decompressedStreamBytes, notes);
  }
  if (content === undefined) return notes;
  const request = content;
  const reader = new StreamReader(noLayers, { expectLabel: false });
  const name = `stream ${typeNames.get(request[0]) ?? 'unknown'}`;
  const message = notes.layer(name, () => reader.push(request));
  if (message !== undefined) notes.messages.push(message);
  else if (notes.marks.at(-1) === `${name} ok`) notes.marks[notes.marks.length - 1] = `${name} cut`;
  return notes;
}

function outerLayers(packet: Buffer, layers: StreamLayers, notes: Notes): Buffer | undefined {
  const { label, cipher } = layers;
  const start = notes.layer('label', () => label.contentStart(packet, packet.length));
  if (start === undefined || start === INCOMPLETE) return undefined;
  const content = packet.subarray(start);
  const plain = cipher?.open(content, label.bytes);
  if (cipher !== undefined) notes.marks.push(plain ? 'cipher ok' : 'cipher undecryptable');
  return plain ?? (cipher?.requiresSealed === true ? undefined : content);
}

function opened(sealed: Buffer, layers: StreamLayers, notes: Notes): Buffer | undefined {
  if (sealed.length < SEAL_HEADER_BYTES) return undefined;
  const length = sealed.readUInt32BE(1);
  if (SEAL_HEADER_BYTES + length > sealed.length) {
    notes.marks.push('cipher cut');
    return undefined;
  }
  const header = sealed.subarray(0, SEAL_HEADER_BYTES);
  const additionalData = Buffer.concat([header, layers.label.bytes]);
  const body = sealed.subarray(SEAL_HEADER_BYTES, SEAL_HEADER_BYTES + length);
  const plain = layers.cipher?.open(body, additionalData);
  notes.marks.push(plain ? 'cipher ok' : 'cipher undecryptable');
  return plain;
}

function decompressed(content: Buffer, bound: number, notes: Notes): Buffer | undefined {
  return notes.layer(isSnappy(content) ? 'snappy' : 'lzw', () =>
    decompressContent({ buf: content, pos: 1, end: content.length }, bound),
  );
}

function isSnappy(content: Buffer): boolean {
  const cursor = { buf: content, pos: 1, end: content.length };
  const packed = faultOr(() => readStruct(compressedSchema, cursor));
  return !(packed instanceof WireError) && packed.algo === 1;
}

function examineMessage(bytes: Buffer, notes: Notes): void {
  const name = typeNames.get(bytes[0]) ?? 'unknown';
  if (bytes[0] === MessageType.user) {
    notes.marks.push('user ok');
    return;
  }
  const decoded = faultOr(() => decodeMessage(bytes));
  checkRoads(bytes, decoded);
  if (decoded instanceof WireError) {
    notes.marks.push(`${name} ${decoded.fault}`);
    return;
  }
  notes.messages.push(decoded);
  // In Go's encoding, or in an encoding that others may use.
  const again = encodeMessage(decoded);
  const isOurs = again.equals(bytes.subarray(0, again.length));
  notes.marks.push(`${name} ok`, isOurs ? 'form ours' : 'form foreign');
  const same = faultOr(() => decodeMessage(again));
  if (!isDeepStrictEqual(same, decoded)) {
    throw new Error('a message is another one once it was encoded again');
  }
}

// Both roads of MessagePack must lead to the same message, or to the same fault.
function checkRoads(bytes: Buffer, decoded: Message | WireError): void {
  const schema = bytes[0] === undefined ? undefined : schemaOfType(bytes[0]);
  if (schema === undefined) return;
  const cursor = { buf: bytes, pos: 1, end: bytes.length };
  const slowly = faultOr(() => decodeStructSlowPath(schema, cursor));
  const agree =
    decoded instanceof WireError && slowly instanceof WireError
      ? decoded.fault === slowly.fault
      : isDeepStrictEqual(decoded, slowly);
  if (!agree) throw new Error('the two roads of MessagePack disagree');
}

function faultOr<T>(work: () => T): T | WireError {
  try {
    return work();
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}
