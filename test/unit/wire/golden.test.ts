/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Bytes that Go memberlist made (test/fixtures): what they say, and the same bytes back.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { GossipCipher, type EncryptionVersion } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { assembledLength, splitCompound, writeAssembled } from '../../../src/wire/compound.js';
import { compressContent, decompressContent } from '../../../src/wire/compression.js';
import { Label } from '../../../src/wire/label.js';
import { decodeMessage, encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type { Message } from '../../../src/wire/messages.js';
import type { Field } from '../../../src/wire/schema.js';
import { schemaOfType } from '../../../src/wire/schemas.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import {
  encodePushPull,
  encodeUserMessage,
  StreamReader,
  type StreamMessage,
} from '../../../src/wire/stream-codec.js';

interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly hex: string;
  readonly plainHex?: string;
  readonly fields?: Record<string, unknown>;
  readonly extra?: {
    readonly parts?: readonly string[];
    readonly version?: string | number;
    readonly keyHex?: string;
    readonly label?: string;
  };
}

const fixture = new URL('../../fixtures/memberlist-v0.6.json', import.meta.url);
const vectors = JSON.parse(readFileSync(fixture, 'utf8')) as Vector[];

function ofKind(kind: string): Vector[] {
  return vectors.filter((vector) => vector.kind === kind);
}

function bytes(hex: string | undefined): Buffer {
  assert.ok(hex !== undefined);
  return Buffer.from(hex, 'hex');
}

/** The message that a vector's `fields` describe, laid over the zeros of its type. */
function messageOf(fields: Record<string, unknown>): Message {
  const { type, ...given } = fields;
  const schema = schemaOfType(type as number);
  assert.ok(schema);
  const message = schema.zero() as unknown as Record<string, unknown>;
  for (const [property, value] of Object.entries(given)) {
    const field = schema.fields.find((each) => each.property === property);
    assert.ok(field, `no field ${property}`);
    message[property] = valueOf(field, value);
  }
  return message as unknown as Message;
}

function valueOf({ kind }: Field, value: unknown): unknown {
  if (kind !== 'bytes' && kind !== 'nullableBytes') return value;
  return Array.isArray(value) ? Buffer.from(value) : Buffer.from(value as string, 'base64');
}

function packetMessages(codec: PacketCodec, packet: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  codec.decode(packet, (buf, start, end) => messages.push(Buffer.from(buf.subarray(start, end))));
  return messages;
}

function plainPackets(init: { label?: string; compress?: boolean } = {}): PacketCodec {
  const label = new Label({ label: init.label ?? '', skipInboundCheck: false });
  return new PacketCodec({ label, cipher: undefined, compress: init.compress ?? false });
}

test('no vector is missing, and all kinds of vectors are tested here', () => {
  const counts = new Map<string, number>();
  for (const { kind } of vectors) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  assert.deepEqual(Object.fromEntries(counts), {
    message: 17,
    compound: 1,
    compress: 5,
    encrypt: 12,
    label: 1,
    stream: 2,
  });
});

test('every message type with a body of its own has a vector', () => {
  const types = new Set(ofKind('message').map(({ fields }) => fields?.type));
  assert.deepEqual(
    [...types].sort((a, b) => Number(a) - Number(b)),
    [0, 1, 2, 3, 4, 5, 11, 13],
  );
});

for (const { name, hex, fields } of ofKind('message')) {
  test(`Go's ${name} decodes to what Go encoded, and our bytes for it are Go's`, () => {
    assert.ok(fields);
    const message = messageOf(fields);
    assert.deepEqual(decodeMessage(bytes(hex)), message);
    assert.equal(encodeMessage(message).toString('hex'), hex);
  });

  test(`Go's ${name} is accepted as a packet and in the middle of a larger buffer`, () => {
    const message = bytes(hex);
    assert.deepEqual(packetMessages(plainPackets(), message), [message]);
    assert.deepEqual(plainPackets().encode([message], { checksum: false }), message);
    const larger = Buffer.concat([bytes('ffffff'), message, bytes('82a44e6f6465')]);
    const end = 3 + message.length;
    assert.deepEqual(decodeMessage(larger, 3, end), decodeMessage(message));
  });
}

for (const { name, hex, extra } of ofKind('compound')) {
  test(`Go's compound ${name} splits into Go's parts, and we combine these to the same bytes`, () => {
    const parts = extra?.parts?.map(bytes) ?? [];
    assert.equal(parts.length, 3);
    const compound = bytes(hex);
    const found: Buffer[] = [];
    splitCompound(compound, 0, compound.length, (start, end) =>
      found.push(compound.subarray(start, end)),
    );
    assert.deepEqual(found, parts);
    const written = Buffer.alloc(assembledLength(parts));
    assert.equal(writeAssembled(parts, written, 0), written.length);
    assert.equal(written.toString('hex'), hex);
    assert.deepEqual(packetMessages(plainPackets(), compound), parts);
    assert.equal(plainPackets().encode(parts, { checksum: false }).toString('hex'), hex);
  });
}

for (const { name, hex, plainHex } of ofKind('compress')) {
  test(`Go's compressed ${name} decompresses to Go's plaintext, and our bytes for it are Go's`, () => {
    const compressed = bytes(hex);
    const cursor = { buf: compressed, pos: 1, end: compressed.length };
    assert.equal(decompressContent(cursor, 1 << 20).toString('hex'), plainHex);
    assert.equal(cursor.pos, compressed.length);
    assert.equal(compressContent(bytes(plainHex)).toString('hex'), hex);
  });
}

test("Go's compressed compound is what we send for its parts, and reads as them", () => {
  const compressed = ofKind('compress').find(({ name }) => name === 'lzw-compound');
  const parts = ofKind('compound')[0]?.extra?.parts?.map(bytes) ?? [];
  const codec = plainPackets({ compress: true });
  assert.equal(codec.encode(parts, { checksum: false }).toString('hex'), compressed?.hex);
  assert.deepEqual(packetMessages(codec, bytes(compressed?.hex)), parts);
});

for (const { hex, plainHex, extra } of ofKind('encrypt')) {
  const { label = '', keyHex, version } = extra ?? {};
  const key = bytes(keyHex);
  test(`Go's AES-${key.length * 8} version ${version ?? '?'} with label "${label}" is opened`, () => {
    const cipher = new GossipCipher({
      keyring: new Keyring(key),
      version: Number(version) as EncryptionVersion,
      verifyIncoming: true,
      verifyOutgoing: true,
    });
    const sealed = bytes(hex);
    assert.equal(sealed[0], Number(version));
    assert.equal(cipher.open(sealed, Buffer.from(label))?.toString('hex'), plainHex);
    assert.equal(cipher.open(sealed, Buffer.from(`${label}x`)), undefined);
    assert.equal(cipher.sealedLength(bytes(plainHex).length), sealed.length);

    const ours = new Label({ label, skipInboundCheck: false });
    const codec = new PacketCodec({ label: ours, cipher, compress: false });
    const packet = Buffer.concat([ours.header, sealed]);
    assert.deepEqual(packetMessages(codec, packet), [bytes(plainHex)]);
    const again = codec.encode([bytes(plainHex)], { checksum: false });
    assert.equal(again.length, packet.length);
    assert.deepEqual(packetMessages(codec, again), [bytes(plainHex)]);
  });
}

for (const { hex, plainHex, extra } of ofKind('label')) {
  test("Go's labelled packet is taken by its own label only, and our bytes for it are Go's", () => {
    const codec = plainPackets({ label: extra?.label ?? '' });
    assert.deepEqual(packetMessages(codec, bytes(hex)), [bytes(plainHex)]);
    assert.equal(codec.encode([bytes(plainHex)], { checksum: false }).toString('hex'), hex);
    assert.throws(() => packetMessages(plainPackets({ label: 'other' }), bytes(hex)));
    assert.throws(() => packetMessages(plainPackets(), bytes(hex)));
  });
}

function readStream(hex: string): StreamMessage | undefined {
  const label = new Label({ label: '', skipInboundCheck: false });
  const reader = new StreamReader(
    { label, cipher: undefined, compress: false },
    { expectLabel: false },
  );
  return reader.push(bytes(hex));
}

function streamVector(name: string): string {
  const vector = ofKind('stream').find((each) => each.name === name);
  assert.ok(vector);
  return vector.hex;
}

test("Go's push/pull says what Go put in, and our bytes for it are Go's", () => {
  const hex = streamVector('push-pull');
  const message = readStream(hex);
  assert.ok(message?.type === MessageType.pushPull);
  assert.equal(message.join, true);
  assert.equal(message.userState.toString(), 'user-state');
  const addr = Buffer.of(127, 0, 0, 5);
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const [alive, suspect, left] = [0, 1, 3];
  assert.deepEqual(message.records, [
    { name: 'n0', addr, port: 7946, incarnation: 0, meta: Buffer.alloc(0), state: alive, vsn },
    { name: 'n1', addr, port: 7947, incarnation: 1000, meta: Buffer.of(0), state: suspect, vsn },
    { name: 'n2', addr, port: 7948, incarnation: 2000, meta: Buffer.of(0, 1), state: left, vsn },
  ]);
  assert.equal(encodePushPull(message).toString('hex'), hex);
});

test("Go's user message on a stream says what Go put in, and our bytes for it are Go's", () => {
  const hex = streamVector('user-msg-stream');
  const message = readStream(hex);
  assert.ok(message?.type === MessageType.user);
  assert.equal(message.payload.toString(), 'hello');
  assert.equal(encodeUserMessage(message.payload).toString('hex'), hex);
});
