/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A stream from the outside in (wire protocol, section 6).
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { GossipCipher } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { compressContent } from '../../../src/wire/compression.js';
import { Label } from '../../../src/wire/label.js';
import { limits } from '../../../src/wire/limits.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import {
  encodePushPull,
  encodeUserMessage,
  StreamReader,
  wrapForStream,
  type StreamLayers,
  type StreamMessage,
} from '../../../src/wire/stream-codec.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

const key = Buffer.alloc(32, 1);
const MiB = 1 << 20;

interface Settings {
  label?: string;
  compress?: boolean;
  key?: Buffer;
  version?: 0 | 1;
  verify?: boolean;
}

function layersOf(settings: Settings = {}): StreamLayers {
  const { label = '', compress = false, version = 1, verify = true } = settings;
  const keyring = settings.key && new Keyring(settings.key);
  const rules = { version, verifyIncoming: verify, verifyOutgoing: verify };
  const cipher = keyring && new GossipCipher({ keyring, ...rules });
  return { label: new Label({ label, skipInboundCheck: false }), cipher, compress };
}

function reader(layers = layersOf(), expectLabel = false): StreamReader {
  return new StreamReader(layers, { expectLabel });
}

function read(hex: string, layers = layersOf()): StreamMessage | undefined {
  return reader(layers).push(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function throwsFault(run: () => unknown, fault: WireFault): void {
  assert.throws(run, (error) => error instanceof WireError && error.fault === fault);
}

const record = {
  name: 'a',
  addr: Buffer.of(10, 0, 0, 1),
  port: 1,
  meta: null,
  incarnation: 4_294_967_295,
  state: 0,
  vsn: Buffer.of(1, 5, 2, 0, 0, 0),
};
const noSource = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
const messages: readonly (readonly [string, StreamMessage, Buffer])[] = [
  ['a ping', { type: 0, seqNo: 7, node: 'b', ...noSource }],
  ['an ack', { type: 2, seqNo: 4_294_967_295, payload: Buffer.from('p') }],
  ['an error', { type: 13, error: 'no such node' }],
  ['an empty push/pull', { type: 6, join: false, records: [], userState: Buffer.alloc(0) }],
  [
    'a push/pull',
    {
      type: 6,
      join: true,
      records: [
        record,
        { ...record, name: '\udcff\udc80', meta: Buffer.alloc(0), state: 3 },
        { ...record, addr: Buffer.alloc(16, 7), meta: Buffer.alloc(40, 0xc1), state: 2 },
      ],
      userState: Buffer.from('83a44a6f', 'hex'),
    },
  ],
  ['an empty user message', { type: 8, payload: Buffer.alloc(0) }],
  ['a user message', { type: 8, payload: Buffer.alloc(70, 0xf4) }],
].map(([name, message]) => [name, message, encode(message as StreamMessage)] as never);

function encode(message: StreamMessage): Buffer {
  if (message.type === MessageType.pushPull) return encodePushPull(message);
  return message.type === MessageType.user
    ? encodeUserMessage(message.payload)
    : encodeMessage(message);
}

const wrappings: readonly [string, Settings][] = [
  ['plain', {}],
  ['compressed', { compress: true }],
  ['encrypted with version 1', { key }],
  ['encrypted with version 0', { key, version: 0 }],
  ['compressed and encrypted with version 1', { compress: true, key }],
  [
    'labelled, compressed and encrypted with version 0',
    { label: 'prod', compress: true, key, version: 0 },
  ],
  ['labelled', { label: 'prod' }],
];

for (const [how, settings] of wrappings) {
  test(`every message is read in the same way wherever its bytes are split: ${how}`, () => {
    const layers = layersOf(settings);
    for (const [name, message, encoded] of messages) {
      const stream = Buffer.concat([layers.label.header, wrapForStream(encoded, layers)]);
      for (let cut = 0; cut < stream.length; cut++) {
        const incoming = reader(layers, true);
        assert.equal(incoming.push(stream.subarray(0, cut)), undefined, `${name} to ${cut}`);
        assert.deepEqual(incoming.push(stream.subarray(cut)), message, `${name} from ${cut}`);
      }
      const incoming = reader(layers, true);
      for (const byte of stream.subarray(0, -1)) {
        assert.equal(incoming.push(Buffer.of(byte)), undefined);
      }
      assert.equal(incoming.receivedBytes, stream.length - 1);
      assert.deepEqual(incoming.push(stream.subarray(-1)), message);
    }
  });
}

test('a push/pull that is not canonical is read in the same way wherever its bytes are split', () => {
  const stream = Buffer.from(
    [
      ...[
        '06',
        'de0004',
        'd90c',
        Buffer.from('UserStateLen').toString('hex'),
        'd30000000000000002',
      ],
      ...['a54e6f646573', 'cc02', 'a7556e6b6e6f776e', '8193c0c0c081a161c2', 'a44a6f696e', 'c3'],
      ...['82a44e616d65d90161a356736e96010502000000', '82a356736e90a44e616d65d90462626262', '5566'],
    ].join(''),
    'hex',
  );
  for (let cut = 0; cut < stream.length; cut++) {
    const incoming = reader();
    assert.equal(incoming.push(stream.subarray(0, cut)), undefined);
    const message = incoming.push(stream.subarray(cut));
    assert.ok(message?.type === MessageType.pushPull);
    assert.deepEqual([message.join, message.userState.toString('hex')], [true, '5566']);
    assert.equal(
      message.records.map(({ name, vsn }) => `${name} ${vsn.length}`).join(),
      'a 6,bbbb 0',
    );
  }
});

test('a message stays unchanged when more bytes arrive', () => {
  const [, message, encoded] = messages[4] ?? assert.fail();
  const incoming = reader();
  const chunk = Buffer.from(encoded);
  const read = incoming.push(chunk);
  chunk.fill(0);
  assert.deepEqual(read, message);
});

test('bytes after the message are ignored', () => {
  for (const [, message, encoded] of messages) {
    const more = Buffer.concat([encoded, Buffer.from('c1c1c1', 'hex')]);
    assert.deepEqual(reader().push(more), message);
  }
});

test('compression is used even if it does not make the message smaller', () => {
  const [, , ack] = messages[1] ?? assert.fail();
  const wrapped = wrapForStream(ack, layersOf({ compress: true }));
  assert.deepEqual(wrapped, compressContent(ack));
  assert.ok(wrapped.length > ack.length);
  assert.deepEqual(wrapForStream(ack, layersOf({ label: 'prod' })), ack);
});

test('encryption is 0a, the length, and the payload sealed with these five bytes and the label', () => {
  const [, , encoded] = messages[4] ?? assert.fail();
  for (const version of [0, 1] as const) {
    const layers = layersOf({ key, version, label: 'prod' });
    const wrapped = wrapForStream(encoded, layers);
    assert.equal(wrapped[0], 10);
    assert.equal(wrapped.readUInt32BE(1), wrapped.length - 5);
    assert.equal(wrapped[5], version);
    const aad = Buffer.concat([wrapped.subarray(0, 5), Buffer.from('prod')]);
    assert.deepEqual(layers.cipher?.open(wrapped.subarray(5), aad), encoded);
  }
  const silent = layersOf({ key, verify: false });
  assert.deepEqual(wrapForStream(encoded, silent), encoded);
});

test('a sealed stream of another key, label or length, or with a changed byte, is refused', () => {
  const [, message, encoded] = messages[1] ?? assert.fail();
  const layers = layersOf({ key, label: 'prod' });
  const wrapped = wrapForStream(encoded, layers);
  assert.deepEqual(reader(layers).push(wrapped), message);
  for (const other of [
    { key: Buffer.alloc(32, 2), label: 'prod' },
    { key, label: 'prof' },
    { key },
  ]) {
    throwsFault(() => reader(layersOf(other)).push(wrapped), 'undecryptable');
  }
  // Byte 5, the version, is not authenticated: aes-gcm.test.ts.
  for (let at = 6; at < wrapped.length; at++) {
    const bad = Buffer.from(wrapped);
    bad[at] = bad.readUInt8(at) ^ 0x10;
    throwsFault(() => reader(layers).push(bad), 'undecryptable');
  }
  const shorter = Buffer.from(wrapped);
  shorter.writeUInt32BE(wrapped.length - 6, 1);
  throwsFault(() => reader(layers).push(shorter), 'undecryptable');
  throwsFault(() => read('0a00000000', layers), 'undecryptable');
});

test('plaintext is refused at its first byte if encryption is required, and accepted otherwise', () => {
  for (const [, message, encoded] of messages) {
    throwsFault(() => reader(layersOf({ key })).push(encoded.subarray(0, 1)), 'undecryptable');
    const lenient = layersOf({ key, verify: false });
    assert.deepEqual(reader(lenient).push(encoded), message);
    assert.deepEqual(reader(lenient).push(wrapForStream(encoded, layersOf({ key }))), message);
  }
});

test('an encrypted stream is refused at its first byte by a node without a key', () => {
  throwsFault(() => read('0a'), 'undecryptable');
});

test('a web browser is refused at its first byte', () => {
  const request = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  for (const chunk of [request, request.subarray(0, 1)]) {
    throwsFault(() => reader().push(chunk), 'unknown-type');
    throwsFault(() => reader(layersOf({ key })).push(chunk), 'undecryptable');
    throwsFault(() => reader(layersOf({ label: 'prod' }), true).push(chunk), 'bad-label');
    throwsFault(() => reader(layersOf({ compress: true }), true).push(chunk), 'unknown-type');
  }
});

test('a message type that is not allowed on a stream is refused', () => {
  const allowed = new Set<number>([0, 2, 6, 8, 9, 13]);
  for (let type = 0; type < 256; type++) {
    if (allowed.has(type)) assert.equal(read(type.toString(16).padStart(2, '0')), undefined);
    else
      throwsFault(
        () => reader().push(Buffer.of(type, 0x80)),
        type === 10 ? 'undecryptable' : 'unknown-type',
      );
  }
});

test('a response carries no label', () => {
  const layers = layersOf({ label: 'prod' });
  const [, message, encoded] = messages[1] ?? assert.fail();
  assert.deepEqual(reader(layers).push(encoded), message);
  throwsFault(() => reader(layers).push(layers.label.header), 'unknown-type');
  throwsFault(() => reader(layers, true).push(encoded), 'bad-label');
  const twice = Buffer.concat([layers.label.header, layers.label.header, encoded]);
  throwsFault(() => reader(layers, true).push(twice), 'unknown-type');
});

test('layers do not nest', () => {
  const sealing = layersOf({ key });
  const [, , encoded] = messages[2] ?? assert.fail();
  const sealed = wrapForStream(encoded, sealing);
  for (const inner of [compressContent(encoded), sealed]) {
    const incoming = reader(layersOf({ key, verify: false }));
    throwsFault(() => incoming.push(compressContent(inner)), 'unknown-type');
  }
  throwsFault(() => reader(sealing).push(wrapForStream(sealed, sealing)), 'unknown-type');
});

test('a truncated message inside a complete layer is refused', () => {
  for (const [, , encoded] of messages) {
    for (const cut of [encoded.subarray(0, -1), encoded.subarray(0, 1)]) {
      const compressed = compressContent(cut);
      throwsFault(() => reader().push(compressed), 'truncated');
      for (const compress of [false, true]) {
        const layers = layersOf({ key, compress });
        throwsFault(() => reader(layers).push(wrapForStream(cut, layers)), 'truncated');
      }
    }
  }
  const layers = layersOf({ key });
  throwsFault(() => reader(layers).push(wrapForStream(Buffer.alloc(0), layers)), 'truncated');
});

const userKey = 'aa557365724d73674c656e';
for (const [what, within, over] of [
  ['nodes', '0681a54e6f646573ce00100000', '0681a54e6f646573ce00100001'],
  ['bytes of a user message', `0881${userKey}ce01400000`, `0881${userKey}ce01400001`],
] as const) {
  test(`too many ${what} are refused at the header, and the maximum allocates no memory in advance`, () => {
    const spies = [mock.method(Buffer, 'allocUnsafe'), mock.method(Buffer, 'allocUnsafeSlow')];
    try {
      assert.equal(read(within), undefined);
      throwsFault(() => read(over), 'too-large');
      throwsFault(() => read(`${over.slice(0, -10)}ceffffffff`), 'too-large');
    } finally {
      mock.restoreAll();
    }
    const calls = spies.flatMap((spy) => spy.mock.calls);
    const sizes = calls.map((call) => call.arguments[0]);
    assert.ok(sizes.length > 0);
    assert.ok(sizes.every((size) => size < 100));
    throwsFault(() => read(`${over.slice(0, -10)}cf0000000100000000`), 'malformed');
    for (const negative of ['ff', 'd0ff', 'd2ffffffff', 'd3ffffffffffffffff']) {
      throwsFault(() => read(`${over.slice(0, -10)}${negative}`), 'malformed');
    }
  });
}

test('an encrypted message of more than 20 MiB is refused by its length, and so is one of 4 GiB', () => {
  const layers = layersOf({ key });
  assert.equal(read('0a01400000', layers), undefined);
  throwsFault(() => read('0a01400001', layers), 'too-large');
  throwsFault(() => read('0affffffff', layers), 'too-large');
});

test('an endless stream is refused after 40 MiB', () => {
  const incoming = reader();
  const chunk = Buffer.alloc(MiB);
  // An err whose text is said to have not quite 40 MiB, and that has another key besides.
  assert.equal(incoming.push(Buffer.from('0d82a54572726f72db027fff00', 'hex')), undefined);
  for (let i = 0; i < 39; i++) assert.equal(incoming.push(chunk), undefined);
  throwsFault(() => incoming.push(chunk), 'too-large');
});

test('a message that claims to be larger than any bound is refused at once', () => {
  for (const hex of [
    '0d81a54572726f72dbffffffff', // an err with a text of 4 GiB
    '0982a4416c676f00a3427566dbffffffff',
    '0ddfffffffff',
    '0681a54e6f646573ddffffffff',
    '08dfffffffff',
  ]) {
    throwsFault(() => reader().push(Buffer.from(hex, 'hex')), 'too-large');
  }
});

test('a bomb is refused at 40 MiB, and so is a compressed message that is too large', () => {
  const bomb = compressContent(Buffer.alloc(limits.decompressedStreamBytes + 1, 8));
  assert.ok(bomb.length < 200_000);
  throwsFault(() => reader().push(bomb), 'too-large');
  const over = compressContent(encodeUserMessage(Buffer.alloc(limits.userStreamBytes + 1)));
  throwsFault(() => reader().push(over), 'too-large');
});

test('20 MiB of user message, and of user state, are accepted', () => {
  const payload = Buffer.alloc(limits.userStreamBytes, 0xab);
  for (const encoded of [
    encodeUserMessage(payload),
    encodePushPull({ join: false, records: [record], userState: payload }),
  ]) {
    const incoming = reader();
    let message: StreamMessage | undefined;
    for (let at = 0; at < encoded.length; at += 65_536) {
      assert.equal(message, undefined);
      message = incoming.push(encoded.subarray(at, at + 65_536));
    }
    assert.ok(message?.type === MessageType.user || message?.type === MessageType.pushPull);
    const state = 'payload' in message ? message.payload : message.userState;
    assert.ok(state.equals(payload));
  }
});

test('a user state of more than 20 MiB is read and discarded, and its members are complete', () => {
  const records = Array.from({ length: 300 }, (_, i) => ({ ...record, name: `n${i}` }));
  const head = encodePushPull({ join: true, records, userState: Buffer.alloc(0) });
  const over = limits.stateBytes + 1;
  for (const size of [over, 100 * MiB]) {
    const incoming = reader();
    let message = incoming.push(claimingState(head, size));
    const chunk = Buffer.alloc(64 * 1024, 0xab);
    let most = 0;
    for (let rest = size; rest > 0; rest -= chunk.length) {
      assert.equal(message, undefined);
      message = incoming.push(chunk.subarray(0, rest));
      most = Math.max(most, incoming.heldBytes);
    }
    assert.ok(message?.type === 6);
    assert.deepEqual(message.records, records);
    assert.equal(message.userState.length, 0);
    assert.equal(message.discardedStateBytes, size);
    assert.ok(most < 400_000, `${most} bytes held`);
  }
});

test('a user state that is not wanted is discarded as well, without a report', () => {
  const userState = Buffer.alloc(5 * MiB, 0xab);
  const message = encodePushPull({ join: true, records: [record], userState });
  const incoming = new StreamReader(layersOf(), { expectLabel: false, keepsState: () => false });
  let got;
  let most = 0;
  for (let at = 0; at < message.length; at += 10_000) {
    assert.equal(got, undefined);
    got = incoming.push(message.subarray(at, at + 10_000));
    most = Math.max(most, incoming.heldBytes);
  }
  const userStateLeft = Buffer.alloc(0);
  assert.deepEqual(got, { type: 6, join: true, records: [record], userState: userStateLeft });
  assert.ok(most < 50_000, `${most} bytes held`);
});

test('before its user state has begun, a push/pull is not delivered without it', () => {
  const head = encodePushPull({ join: true, records: [record], userState: Buffer.alloc(0) });
  const whole = claimingState(head, limits.stateBytes + 1);
  for (let length = 0; length < whole.length; length++) {
    const incoming = reader();
    incoming.push(whole.subarray(0, length));
    assert.equal(incoming.withoutState, undefined);
  }
  const incoming = reader();
  incoming.push(whole);
  assert.deepEqual(incoming.withoutState?.records, [record]);
  const small = reader();
  small.push(claimingState(head, 10));
  assert.equal(small.withoutState, undefined, 'a state that is kept must come whole');
});

test('within encryption and compression, a state within the bounds of these is discarded too', () => {
  const userState = Buffer.alloc(limits.stateBytes + MiB, 0xab);
  const message = encodePushPull({ join: true, records: [record], userState });
  for (const layers of [layersOf({ compress: true }), layersOf({ compress: true, key })]) {
    const got = reader(layers).push(wrapForStream(message, layers));
    assert.ok(got?.type === 6);
    assert.deepEqual(got.records, [record]);
    assert.equal(got.discardedStateBytes, userState.length);
  }
});

// The same push/pull, whose header claims a user state of this length.
function claimingState(message: Buffer, size: number): Buffer {
  const at = message.indexOf('UserStateLen') + 'UserStateLen'.length;
  assert.equal(message[at], 0);
  const length = Buffer.alloc(5, 0xce);
  length.writeUInt32BE(size, 1);
  return Buffer.concat([message.subarray(0, at), length, message.subarray(at + 1)]);
}
