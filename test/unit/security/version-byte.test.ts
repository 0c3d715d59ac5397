/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// As in Go, the tag of an encrypted payload does not cover its version byte. An attacker on the
// path can change 1 to 0: then bytes that look like padding are removed. Or 0 to 1:
// then the padding remains. Neither may turn a message into another valid message.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GossipCipher, type EncryptionVersion } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { Label } from '../../../src/wire/label.js';
import { decodeMessage, encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type { Message } from '../../../src/wire/messages.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import {
  encodePushPull,
  encodeUserMessage,
  SEAL_HEADER_BYTES,
  StreamReader,
  wrapForStream,
  type StreamMessage,
} from '../../../src/wire/stream-codec.js';
import { WireError } from '../../../src/wire/wire-error.js';

const keyring = new Keyring(Buffer.alloc(16, 0xa1));
const label = new Label({ label: '', skipInboundCheck: false });
const versions = [0, 1] as const;
const source = { sourceAddr: Buffer.of(10, 0, 0, 1), sourceNode: 'asker', sourcePort: 0x0101 };
const vsn = Buffer.of(1, 5, 2, 1, 1, 1);
/** Endings that look like padding. */
const ends = ['\x01', '\x02\x02', '\x10'.repeat(16)];
/** All remainders by 16, twice. */
const fillings = Array.from({ length: 32 }, (_, length) => 'n'.repeat(length));

function layers(version: EncryptionVersion, compress = false) {
  const rules = { version, verifyIncoming: true, verifyOutgoing: true };
  return { label, cipher: new GossipCipher({ keyring, ...rules }), compress };
}

/** Messages of every kind that end like padding. */
function* messages(): Iterable<Message> {
  for (const filling of fillings) {
    const addr = Buffer.of(10, 0, 0, 1);
    const payload = Buffer.from(filling);
    yield { type: MessageType.ping, seqNo: 7, node: filling, ...source };
    const indirect = { seqNo: 7, target: addr, port: 7946, node: filling, nack: true };
    yield { type: MessageType.indirectPing, ...indirect, ...source };
    for (const seqNo of [1, 0x0202, 0x03030303]) {
      yield { type: MessageType.ackResp, seqNo, payload };
    }
    const alive = { node: filling, incarnation: 1, addr, port: 7946, meta: null, vsn };
    yield { type: MessageType.alive, ...alive };
    for (const end of ends) {
      const claim = { node: filling + end, from: 'accuser', incarnation: 3 };
      yield { type: MessageType.suspect, ...claim };
      yield { type: MessageType.dead, ...claim };
    }
  }
}

function swapped(payload: Buffer, versionAt = 0): Buffer {
  const copy = Buffer.from(payload);
  copy[versionAt] = 1 - copy.readUInt8(versionAt);
  return copy;
}

/** The messages in a packet, and the rule that it breaks, if any. */
function taken(codec: PacketCodec, packet: Buffer): { parts: Buffer[]; fault: string | undefined } {
  const parts: Buffer[] = [];
  try {
    codec.decode(packet, (buf, start, end) => parts.push(Buffer.from(buf.subarray(start, end))));
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return { parts, fault: error.fault };
  }
  return { parts, fault: undefined };
}

/** A part as a message; undefined if it is not a message. */
function read(part: Buffer): Message | undefined {
  try {
    return decodeMessage(part);
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return undefined;
  }
}

test('a changed version byte turns a message in a packet into the same message or none', () => {
  const other = encodeMessage({ type: MessageType.nackResp, seqNo: 9 });
  for (const version of versions) {
    const counts = { same: 0, none: 0, unopened: 0 };
    for (const message of messages()) {
      const bytes = encodeMessage(message);
      for (const group of [[bytes], [other, bytes]]) {
        for (const compress of [false, true]) {
          const codec = new PacketCodec(layers(version, compress));
          const packet = swapped(codec.encode(group, { checksum: false }));
          const { parts, fault } = taken(codec, packet);
          counts[fault === 'undecryptable' ? 'unopened' : parts.length > 0 ? 'same' : 'none']++;
          for (const part of parts) {
            const got = read(part);
            if (got !== undefined && got.type !== MessageType.nackResp) {
              assert.deepEqual(got, message);
            }
          }
        }
      }
    }
    // The forgery passed the padding check.
    assert.ok(counts.same > 0, JSON.stringify(counts));
    assert.equal(counts.unopened > 0, version === 1);
  }
});

test('a changed version byte breaks the checksum of every packet with a checksum', () => {
  for (const version of versions) {
    const codec = new PacketCodec(layers(version));
    const faults = new Set<string | undefined>();
    for (const filling of fillings) {
      for (const end of ends) {
        const user = Buffer.from(`\x08${filling}${end}`);
        const { parts, fault } = taken(codec, swapped(codec.encode([user], { checksum: true })));
        assert.deepEqual(parts, []);
        faults.add(fault);
      }
    }
    assert.ok(faults.has('bad-checksum'));
    assert.ok(!faults.has(undefined));
  }
});

// The remaining risk, described in docs/SECURITY.md: these bytes have neither a length nor a checksum.
test('a single user message in a packet without a checksum can lose or gain up to 16 bytes', () => {
  const user = (text: string): Buffer => Buffer.from(`\x08${text}`);
  const outcome = (version: EncryptionVersion, text: string): string | undefined => {
    const codec = new PacketCodec(layers(version));
    const packet = swapped(codec.encode([user(text)], { checksum: false }));
    return taken(codec, packet).parts[0]?.subarray(1).toString('latin1');
  };
  // 15 bytes and the type are a whole block, and the last byte looks like padding.
  assert.equal(outcome(1, 'fourteen bytes\x01'), 'fourteen bytes');
  assert.equal(outcome(1, 'fifteen bytes..'), undefined);
  for (const length of [1, 13, 14, 16, 17, 30]) {
    assert.equal(outcome(1, `${'x'.repeat(length - 1)}\x01`), undefined, `${length} bytes`);
  }
  assert.equal(outcome(0, 'hello'), `hello${'\x0a'.repeat(10)}`);
});

test('a user message in a compound loses and gains nothing', () => {
  for (const version of versions) {
    const codec = new PacketCodec(layers(version));
    const other = encodeMessage({ type: MessageType.nackResp, seqNo: 9 });
    for (const filling of fillings) {
      for (const end of ends) {
        const user = Buffer.from(`\x08${filling}${end}`);
        const packet = swapped(codec.encode([other, user], { checksum: false }));
        for (const part of taken(codec, packet).parts) {
          assert.ok(part.equals(user) || part.equals(other), part.toString('hex'));
        }
      }
    }
  }
});

/** The message on a stream, or the rule that it breaks. */
function fromStream(wire: Buffer, version: EncryptionVersion): StreamMessage | string {
  const reader = new StreamReader(layers(version), { expectLabel: true });
  try {
    return reader.push(wire) ?? 'incomplete';
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return error.fault;
  }
}

test('a changed version byte turns a message on a stream into the same message or none', () => {
  for (const version of versions) {
    const seen = new Set<string>();
    for (const filling of fillings) {
      for (const end of ends) {
        const text = Buffer.from(filling + end);
        for (const compress of [false, true]) {
          for (const message of [
            encodeUserMessage(text),
            encodePushPull({ join: true, records: [], userState: text }),
            encodeMessage({ type: MessageType.ping, seqNo: 1, node: filling, ...source }),
            encodeMessage({ type: MessageType.ackResp, seqNo: 1, payload: text }),
            encodeMessage({ type: MessageType.err, error: filling + end }),
          ]) {
            const wire = wrapForStream(message, layers(version, compress));
            const original = fromStream(wire, version);
            const got = fromStream(swapped(wire, SEAL_HEADER_BYTES), version);
            if (typeof got !== 'string') assert.deepEqual(got, original);
            seen.add(typeof got === 'string' ? got : 'the same');
          }
        }
      }
    }
    assert.deepEqual(
      [...seen].sort(),
      version === 0 ? ['the same'] : ['truncated', 'undecryptable'],
    );
  }
});
