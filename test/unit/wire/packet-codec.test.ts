/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A packet from the outside in (wire protocol, section 3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GossipCipher } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { writeChecksum } from '../../../src/wire/checksum.js';
import { writeAssembled, assembledLength } from '../../../src/wire/compound.js';
import { compressContent } from '../../../src/wire/compression.js';
import { Label } from '../../../src/wire/label.js';
import { limits } from '../../../src/wire/limits.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

const key = Buffer.alloc(16, 1);
const nack = encodeMessage({ type: 11, seqNo: 7 });
const suspect = encodeMessage({ type: 3, node: 'node-a', from: 'node-b', incarnation: 1 });
const long = encodeMessage({ type: 13, error: 'n'.repeat(500) });

interface Settings {
  label?: string;
  skip?: boolean;
  compress?: boolean;
  key?: Buffer;
  version?: 0 | 1;
  verifyIncoming?: boolean;
  verifyOutgoing?: boolean;
}

function codec(settings: Settings = {}): PacketCodec {
  const { label = '', skip = false, compress = false, version = 1 } = settings;
  const { verifyIncoming = true, verifyOutgoing = true } = settings;
  const cipher =
    settings.key &&
    new GossipCipher({
      keyring: new Keyring(settings.key),
      version,
      verifyIncoming,
      verifyOutgoing,
    });
  return new PacketCodec({
    label: new Label({ label, skipInboundCheck: skip }),
    cipher,
    compress,
  });
}

/** The messages of a packet, and the fault that was found. */
function take(packets: PacketCodec, packet: Buffer): { messages: Buffer[]; fault?: WireFault } {
  const messages: Buffer[] = [];
  try {
    packets.decode(packet, (buf, start, end) =>
      messages.push(Buffer.from(buf.subarray(start, end))),
    );
    return { messages };
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return { messages, fault: error.fault };
  }
}

function refused(packets: PacketCodec, packet: Buffer, fault: WireFault): void {
  assert.deepEqual(take(packets, packet), { messages: [], fault });
}

function compound(...parts: Buffer[]): Buffer {
  const buf = Buffer.alloc(assembledLength(parts));
  writeAssembled(parts, buf, 0);
  return buf;
}

function summed(content: Buffer): Buffer {
  const packet = Buffer.concat([Buffer.alloc(5), content]);
  writeChecksum(packet, 0, packet.length);
  return packet;
}

test('with every combination of layers the messages can be read back', () => {
  let combinations = 0;
  for (const label of ['', 'prod']) {
    for (const compress of [false, true]) {
      for (const encryption of [{}, { key, version: 0 }, { key, version: 1 }] as const) {
        for (const checksum of [false, true]) {
          for (const messages of [[nack], [long], [nack, suspect], [long, long, suspect]]) {
            const packets = codec({ label, compress, ...encryption });
            assert.deepEqual(take(packets, packets.encode(messages, { checksum })), { messages });
            combinations++;
          }
        }
      }
    }
  }
  assert.equal(combinations, 96);
});

test('the order of the layers is label, CRC, compression, compound', () => {
  const packet = codec({ label: 'prod', compress: true }).encode([long, long], { checksum: true });
  const compressed = compressContent(compound(long, long));
  assert.equal(packet.toString('hex', 0, 7), 'f40470726f640c');
  assert.deepEqual(packet.subarray(6), summed(compressed));
});

test('encryption encloses the CRC, with the label as additional data, and has no type byte', () => {
  const packet = codec({ label: 'prod', key, compress: true }).encode([long], { checksum: true });
  assert.equal(packet.toString('hex', 0, 7), 'f40470726f6401');
  const cipher = new GossipCipher({
    keyring: new Keyring(key),
    version: 1,
    verifyIncoming: true,
    verifyOutgoing: true,
  });
  const plain = cipher.open(packet.subarray(6), Buffer.from('prod'));
  assert.deepEqual(plain, summed(compressContent(long)));
});

test('compression is used only if it makes the packet smaller', () => {
  const packets = codec({ compress: true });
  assert.deepEqual(packets.encode([nack], { checksum: false }), nack);
  assert.deepEqual(packets.encode([nack], { checksum: true }), summed(nack));
  assert.equal(packets.encode([long], { checksum: false })[0], 9);
  // The smallest run of one letter for which the compressed form is smaller, and one less.
  const sizes = Array.from({ length: 80 }, (_, i) => Buffer.alloc(i + 1, 8));
  for (const message of sizes) {
    const packet = packets.encode([message], { checksum: false });
    const smaller = compressContent(message).length < message.length;
    assert.equal(packet.length, smaller ? compressContent(message).length : message.length);
    assert.equal(packet[0], smaller ? 9 : 8);
  }
});

test('a compressed packet is read even if our own compression is off', () => {
  assert.deepEqual(take(codec(), compressContent(long)), { messages: [long] });
});

test('the overhead is that of the outer layers: label, 29 or 45 of encryption, 5 of CRC', () => {
  assert.equal(codec().overheadBytes, 5);
  assert.equal(codec({ label: 'prod' }).overheadBytes, 6 + 5);
  assert.equal(codec({ key }).overheadBytes, 29 + 5);
  assert.equal(codec({ key, version: 0 }).overheadBytes, 45 + 5);
  assert.equal(codec({ key, verifyOutgoing: false }).overheadBytes, 5);
  for (const version of [0, 1] as const) {
    for (let length = 1; length < 70; length++) {
      const packets = codec({ label: 'prod', key, version });
      const packet = packets.encode([Buffer.alloc(length, 8)], { checksum: true });
      assert.ok(packet.length <= length + packets.overheadBytes);
    }
  }
});

test('a packet with another label, without one, or with an empty or truncated one is dropped', () => {
  const ours = codec({ label: 'prod' });
  const packet = ours.encode([nack], { checksum: false });
  refused(codec({ label: 'test' }), packet, 'bad-label');
  refused(codec(), packet, 'bad-label');
  refused(ours, nack, 'bad-label');
  refused(ours, Buffer.concat([Buffer.from('f400', 'hex'), nack]), 'bad-label');
  for (let length = 1; length < 6; length++) {
    refused(ours, packet.subarray(0, length), 'bad-label');
    refused(codec(), packet.subarray(0, length), 'bad-label');
  }
  refused(ours, packet.subarray(0, 6), 'empty');
});

test('with skipInboundLabelCheck an unlabelled packet is accepted and a labelled one dropped', () => {
  const skipping = codec({ label: 'prod', skip: true });
  assert.deepEqual(take(skipping, nack), { messages: [nack] });
  refused(skipping, codec({ label: 'prod' }).encode([nack], { checksum: false }), 'bad-label');
  const sealed = codec({ label: 'prod', key }).encode([nack], { checksum: false });
  const stripped = sealed.subarray(6);
  assert.deepEqual(take(codec({ label: 'prod', skip: true, key }), stripped), { messages: [nack] });
});

test('two label headers are refused', () => {
  const ours = codec({ label: 'prod' });
  const header = Buffer.from('f40470726f64', 'hex');
  refused(ours, Buffer.concat([header, header, nack]), 'too-deep');
});

test('with a key and incoming verification, packets that no key opens are dropped', () => {
  const ours = codec({ key });
  refused(ours, nack, 'undecryptable');
  const theirs = codec({ key: Buffer.alloc(32, 2) });
  refused(ours, theirs.encode([nack], { checksum: false }), 'undecryptable');
  const mine = ours.encode([nack], { checksum: false });
  refused(codec({ key, label: 'prod', skip: true }), mine, 'undecryptable');
  for (let length = 1; length < mine.length; length++) {
    refused(ours, mine.subarray(0, length), 'undecryptable');
  }
});

test('with incoming verification off, packets that no key opens are read as plaintext', () => {
  const lenient = codec({ key, verifyIncoming: false });
  assert.deepEqual(take(lenient, nack), { messages: [nack] });
  const sealed = codec({ key }).encode([nack], { checksum: true });
  assert.deepEqual(take(lenient, sealed), { messages: [nack] });
});

test('with outgoing verification off, we send plaintext', () => {
  const packet = codec({ key, verifyOutgoing: false }).encode([nack], { checksum: false });
  assert.deepEqual(packet, nack);
});

test('without a key an encrypted packet is an unknown message', () => {
  const sealed = codec({ key, version: 0 }).encode([nack], { checksum: false });
  const { messages, fault } = take(codec(), sealed);
  // Its first byte, the version, looks like the type of a ping.
  assert.deepEqual([messages, fault], [[sealed], undefined]);
});

test('a packet whose CRC does not match is dropped, whichever bit was flipped', () => {
  const good = codec().encode([suspect, nack], { checksum: true });
  for (let bit = 8; bit < good.length * 8; bit++) {
    const bad = Buffer.from(good);
    bad[bit >> 3] = bad.readUInt8(bit >> 3) ^ (1 << (bit & 7));
    refused(codec(), bad, 'bad-checksum');
  }
  for (let length = 1; length < good.length; length++) {
    refused(codec(), good.subarray(0, length), length < 5 ? 'truncated' : 'bad-checksum');
  }
});

test('an empty packet, and layers without content, are reported as empty', () => {
  for (const packets of [codec(), codec({ label: 'prod' }), codec({ key })]) {
    refused(packets, Buffer.alloc(0), 'empty');
  }
  refused(codec(), summed(Buffer.alloc(0)), 'empty');
  refused(codec({ label: 'prod' }), Buffer.from('f40470726f64', 'hex'), 'empty');
  refused(codec({ key }), codec({ key }).encode([Buffer.alloc(0)], { checksum: false }), 'empty');
});

test('a bomb is refused at the bound of a packet', () => {
  const within = compressContent(Buffer.alloc(limits.decompressedPacketBytes, 8));
  assert.equal(take(codec(), within).messages[0]?.length, limits.decompressedPacketBytes);
  const bomb = compressContent(Buffer.alloc(limits.decompressedPacketBytes + 1, 8));
  assert.ok(bomb.length < 2000);
  refused(codec(), bomb, 'too-large');
  refused(codec(), summed(bomb), 'too-large');
});

test('nothing nests deeper than compress, compound, message', () => {
  const pair = compound(nack, nack);
  assert.deepEqual(take(codec(), summed(compressContent(pair))).messages, [nack, nack]);
  refused(codec(), compressContent(compressContent(long)), 'too-deep');
  refused(codec(), compressContent(summed(nack)), 'too-deep');
  refused(codec(), summed(summed(nack)), 'too-deep');
  refused(codec(), compound(pair, pair), 'too-deep');
  refused(codec(), compound(compressContent(long), summed(nack)), 'too-deep');
  refused(codec(), Buffer.from('0a00000000', 'hex'), 'too-deep');
  let nested = nack;
  for (let i = 0; i < 1000; i++) nested = compound(nested, Buffer.alloc(0));
  refused(codec(), nested, 'too-deep');
});

test('an invalid part of a compound does not affect the parts before and after it', () => {
  for (const [bad, fault] of [
    [Buffer.alloc(0), 'empty'],
    [compound(nack, nack), 'too-deep'],
    [compressContent(long), 'too-deep'],
    [summed(nack), 'too-deep'],
    [Buffer.from('f40470726f64', 'hex'), 'too-deep'],
  ] as const) {
    const messages = [nack, suspect];
    assert.deepEqual(take(codec(), compound(nack, bad, suspect)), { messages, fault });
    assert.deepEqual(take(codec(), compound(bad, nack, suspect)), { messages, fault });
  }
});

test('a truncated compound delivers its complete parts and is counted as truncated', () => {
  const packet = compound(nack, suspect, long);
  const cut = packet.subarray(0, packet.length - 1);
  assert.deepEqual(take(codec(), cut), { messages: [nack, suspect], fault: 'truncated' });
  const compressed = compressContent(cut);
  assert.deepEqual(take(codec(), compressed), { messages: [nack, suspect], fault: 'truncated' });
});

test('255 messages go into one packet, 256 do not', () => {
  const messages = new Array<Buffer>(255).fill(nack);
  assert.deepEqual(take(codec(), codec().encode(messages, { checksum: true })), { messages });
  assert.throws(() => codec().encode([...messages, nack], { checksum: false }), RangeError);
});

test('an invalid compress body is dropped', () => {
  refused(codec(), Buffer.from('09', 'hex'), 'truncated');
  refused(codec(), Buffer.from('09c1', 'hex'), 'malformed');
  refused(codec(), Buffer.from('0982a4416c676f01a3427566a103', 'hex'), 'bad-compression');
  refused(codec(), Buffer.from('0982a4416c676f00a3427566a103', 'hex'), 'bad-compression');
});

test('the given packet is not changed', () => {
  for (const settings of [{}, { label: 'prod', key, compress: true }]) {
    const packet = codec(settings).encode([long, nack], { checksum: true });
    const copy = Buffer.from(packet);
    take(codec(settings), packet);
    assert.deepEqual(packet, copy);
  }
});
