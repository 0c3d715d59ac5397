/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whole messages: a type byte and a MessagePack map (wire protocol, sections 1 and 2).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMessage, encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type { AliveClaim, Message, Ping } from '../../../src/wire/messages.js';
import { encodeText } from '../../../src/wire/text.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

const none = Buffer.alloc(0);
const noSource = { sourceAddr: none, sourceNode: '', sourcePort: 0 };

const alive: AliveClaim = {
  type: MessageType.alive,
  incarnation: 3,
  node: 'node-b',
  addr: Buffer.of(127, 0, 0, 5),
  port: 7946,
  meta: Buffer.from('m'),
  vsn: Buffer.of(1, 5, 2, 0, 0, 0),
};

function ping(fields: Partial<Ping>): Ping {
  return { type: MessageType.ping, seqNo: 1, node: '', ...noSource, ...fields };
}

function throwsFault(run: () => unknown, fault: WireFault): void {
  assert.throws(run, (error) => error instanceof WireError && error.fault === fault);
}

/** The keys of a message in the order in which they stand on the wire. */
function keysOf(message: Message): string[] {
  const names = encodeMessage(message)
    .toString('latin1')
    .match(/[A-Z][A-Za-z]+/g);
  return [...(names ?? [])];
}

const source = { sourceAddr: Buffer.of(127, 0, 0, 5), sourceNode: 's', sourcePort: 1 };
const keyed: readonly [string, Message, string[]][] = [
  ['a ping', ping({}), ['Node', 'SeqNo']],
  ['a ping with a source', ping(source), 'Node SeqNo SourceAddr SourceNode SourcePort'.split(' ')],
  [
    'an indirect ping',
    { ...ping(source), type: 1, target: Buffer.of(127, 0, 0, 6), port: 1, nack: true },
    'Nack Node Port SeqNo SourceAddr SourceNode SourcePort Target'.split(' '),
  ],
  [
    'an indirect ping without a source',
    { ...ping({}), type: 1, target: none, port: 0, nack: false },
    ['Nack', 'Node', 'Port', 'SeqNo', 'Target'],
  ],
  ['an ack', { type: 2, seqNo: 1, payload: null }, ['Payload', 'SeqNo']],
  [
    'a suspicion',
    { type: 3, node: 'a', from: 'b', incarnation: 0 },
    ['From', 'Incarnation', 'Node'],
  ],
  ['an alive claim', { ...alive, meta: null }, 'Addr Incarnation Meta Node Port Vsn'.split(' ')],
  ['a death', { type: 5, node: 'a', from: 'b', incarnation: 0 }, ['From', 'Incarnation', 'Node']],
  ['a nack', { type: 11, seqNo: 1 }, ['SeqNo']],
  ['an error', { type: 13, error: 'no' }, ['Error']],
];

for (const [name, message, keys] of keyed) {
  test(`the keys of ${name} are Go's field names in alphabetical order`, () => {
    assert.deepEqual(keysOf(message), keys);
    assert.deepEqual(keys, [...keys].sort());
    const encoded = encodeMessage(message);
    assert.equal(encoded[0], message.type);
    assert.equal(encoded[1], 0x80 | keys.length);
    assert.deepEqual(decodeMessage(encoded), message);
  });
}

test('each source field is omitted separately if it is empty', () => {
  assert.deepEqual(keysOf(ping({ sourcePort: 1 })), ['Node', 'SeqNo', 'SourcePort']);
  assert.deepEqual(keysOf(ping({ sourceNode: 's' })), ['Node', 'SeqNo', 'SourceNode']);
  const sourceAddr = Buffer.of(127, 0, 0, 5);
  assert.deepEqual(keysOf(ping({ sourceAddr })), ['Node', 'SeqNo', 'SourceAddr']);
  for (const message of [
    ping({ sourcePort: 1 }),
    ping({ sourceNode: 's' }),
    ping({ sourceAddr }),
  ]) {
    assert.deepEqual(decodeMessage(encodeMessage(message)), message);
  }
});

test('the error of an err, the node of a nack, and all other fields are sent even if empty', () => {
  assert.equal(encodeMessage({ type: 13, error: '' }).toString('hex'), '0d81a54572726f72a0');
  assert.equal(encodeMessage({ type: 11, seqNo: 0 }).toString('hex'), '0b81a55365714e6f00');
});

test('absent bytes are sent as nil, empty bytes as an empty raw, and both can be read back', () => {
  for (const [meta, onWire] of [
    [null, 'c0'],
    [none, 'a0'],
  ] as const) {
    const encoded = encodeMessage({ ...alive, meta });
    assert.ok(encoded.toString('hex').includes(`a44d657461${onWire}a4`));
    const decoded = decodeMessage(encoded) as AliveClaim;
    assert.deepEqual(decoded.meta, meta);
    assert.equal(encodeMessage(decoded).toString('hex'), encoded.toString('hex'));
  }
  const ack = { type: MessageType.ackResp, seqNo: 1 };
  assert.equal(encodeMessage({ ...ack, payload: null })[10], 0xc0);
  assert.equal(encodeMessage({ ...ack, payload: none })[10], 0xa0);
});

test('numbers are sent in the shortest unsigned form, up to the last of 32 bits', () => {
  for (const [seqNo, hex] of [
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [255, 'ccff'],
    [256, 'cd0100'],
    [65_535, 'cdffff'],
    [65_536, 'ce00010000'],
    [2_147_483_647, 'ce7fffffff'],
    [2_147_483_648, 'ce80000000'],
    [4_294_967_295, 'ceffffffff'],
  ] as const) {
    const nack = { type: MessageType.nackResp, seqNo };
    const encoded = encodeMessage(nack);
    assert.equal(encoded.toString('hex'), `0b81a55365714e6f${hex}`);
    assert.deepEqual(decodeMessage(encoded), nack);
  }
});

test('sequence numbers and incarnations have 32 bits, ports 16', () => {
  const bits = { SeqNo: 32, Incarnation: 32, Port: 16, SourcePort: 16 };
  for (const [type, names] of [
    [0, ['SeqNo', 'SourcePort']],
    [1, ['SeqNo', 'Port', 'SourcePort']],
    [2, ['SeqNo']],
    [3, ['Incarnation']],
    [4, ['Incarnation', 'Port']],
    [5, ['Incarnation']],
    [11, ['SeqNo']],
  ] as const) {
    for (const name of names) {
      const key = Buffer.concat([Buffer.of(type, 0x81, 0xa0 | name.length), Buffer.from(name)]);
      const [most, over] = [Buffer.from('cf0000000000000000', 'hex'), Buffer.alloc(9, 0xcf)];
      most.writeBigUInt64BE(2n ** BigInt(bits[name]) - 1n, 1);
      over.writeBigUInt64BE(2n ** BigInt(bits[name]), 1);
      const property = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
      const decoded: object = decodeMessage(Buffer.concat([key, most]));
      assert.equal(
        Object.entries(decoded).find(([each]) => each === property)?.[1],
        2 ** bits[name] - 1,
      );
      throwsFault(() => decodeMessage(Buffer.concat([key, over])), 'malformed');
    }
  }
});

test('texts and bytes are sent as raw with the shortest header, and never as str8 or bin', () => {
  for (const [length, header] of [
    [0, 'a0'],
    [31, 'bf'],
    [32, 'da0020'],
    [255, 'da00ff'],
    [256, 'da0100'],
    [65_535, 'daffff'],
    [65_536, 'db00010000'],
  ] as const) {
    const key = 'a54572726f72';
    const text = encodeMessage({ type: MessageType.err, error: 'x'.repeat(length) });
    assert.equal(text.toString('hex', 0, 8 + header.length / 2), `0d81${key}${header}`);
    assert.equal(text.length, 8 + header.length / 2 + length);
    const payload = Buffer.alloc(length, 0xd9);
    const bytes = encodeMessage({ type: MessageType.ackResp, seqNo: 1, payload });
    assert.equal(bytes.toString('hex', 10, 10 + header.length / 2), header);
    assert.deepEqual(decodeMessage(text), { type: MessageType.err, error: 'x'.repeat(length) });
    assert.deepEqual(decodeMessage(bytes), { type: MessageType.ackResp, seqNo: 1, payload });
  }
});

test('a name that is not UTF-8 is relayed with exactly the received bytes', () => {
  for (const hex of ['ff', 'c3', 'c328', 'eda080', 'f0288cbc', '61ff62', 'efbfbd', 'c0af', '00']) {
    const name = Buffer.from(hex, 'hex');
    const came = Buffer.concat([
      Buffer.from('0583a446726f6d', 'hex'),
      Buffer.of(0xa0 | name.length),
      name,
      Buffer.from('ab496e6361726e6174696f6e07a44e6f6465', 'hex'),
      Buffer.of(0xa0 | name.length),
      name,
    ]);
    const decoded = decodeMessage(came);
    assert.ok(decoded.type === MessageType.dead);
    assert.equal(decoded.node, decoded.from);
    assert.equal(encodeText(decoded.node).toString('hex'), hex);
    assert.equal(encodeMessage(decoded).toString('hex'), came.toString('hex'));
  }
});

test('address bytes are relayed unchanged: 4, 16 with an IPv4 address in them, or neither', () => {
  for (const hex of [
    '0a000001',
    '00000000000000000000ffff0a000001',
    '',
    '0a0000',
    'ff'.repeat(40),
  ]) {
    const claim = { ...alive, addr: Buffer.from(hex, 'hex') };
    const decoded = decodeMessage(encodeMessage(claim)) as AliveClaim;
    assert.equal(decoded.addr.toString('hex'), hex);
  }
});

test('versions of any number other than six are kept unchanged', () => {
  for (const vsn of [none, Buffer.of(1), Buffer.of(1, 2, 3, 4, 5, 6, 7)]) {
    assert.deepEqual((decodeMessage(encodeMessage({ ...alive, vsn })) as AliveClaim).vsn, vsn);
  }
});

test('bytes after the body are ignored', () => {
  const encoded = encodeMessage(alive);
  const tail = Buffer.from('c1c1c1');
  assert.deepEqual(decodeMessage(Buffer.concat([encoded, tail])), alive);
});

test('empty bytes are not a message', () => {
  throwsFault(() => decodeMessage(Buffer.alloc(0)), 'empty');
  throwsFault(() => decodeMessage(encodeMessage(alive), 5, 5), 'empty');
});

test('a type without a MessagePack body is refused', () => {
  const known = new Set<number>([0, 1, 2, 3, 4, 5, 11, 13]);
  for (let type = 0; type < 256; type++) {
    const bytes = Buffer.of(type, 0x80);
    if (known.has(type)) assert.equal(decodeMessage(bytes).type, type);
    else throwsFault(() => decodeMessage(bytes), 'unknown-type');
  }
});

test('a message truncated at any position is refused', () => {
  for (const [, message] of keyed) {
    const encoded = encodeMessage(message);
    for (let end = 1; end < encoded.length; end++) {
      throwsFault(() => decodeMessage(encoded.subarray(0, end)), 'truncated');
      throwsFault(() => decodeMessage(encoded, 0, end), 'truncated');
    }
  }
});

test('metadata and addresses are views of the decoded buffer', () => {
  const encoded = encodeMessage(alive);
  const { meta, addr } = decodeMessage(encoded) as AliveClaim;
  assert.equal(meta?.buffer, encoded.buffer);
  assert.equal(addr.buffer, encoded.buffer);
});

test('equal versions are shared, and outlive the received buffer', () => {
  const encoded = encodeMessage(alive);
  const { vsn } = decodeMessage(encoded) as AliveClaim;
  const again = decodeMessage(Buffer.from(encoded)) as AliveClaim;
  assert.equal(again.vsn, vsn);
  encoded.fill(0xff);
  assert.deepEqual(vsn, alive.vsn);
});

test('more names and versions than cache slots are decoded correctly', () => {
  const versions = (index: number): Buffer =>
    Buffer.of(1, 5, 2, index >> 16, (index >> 8) & 0xff, index & 0xff);
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 20_000; index++) {
      const { vsn, node } = decodeMessage(
        encodeMessage({ ...alive, vsn: versions(index), node: `n${index}` }),
      ) as AliveClaim;
      if (!vsn.equals(versions(index)) || node !== `n${index}`) assert.fail(`${index}: ${node}`);
    }
  }
});
