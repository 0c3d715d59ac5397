/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The fast path: structs in the form that Go writes, and how it hands over what has another form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noBytes, type MemberRecord } from '../../../src/wire/messages.js';
import type { Schema } from '../../../src/wire/schema.js';
import {
  compressedSchema,
  memberRecordSchema,
  pushPullHeaderSchema,
  schemas,
  userMessageHeaderSchema,
} from '../../../src/wire/schemas.js';
import { readStruct, encodeWith } from '../../../src/wire/struct-codec.js';
import { StructReader } from '../../../src/wire/struct-reader.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

const record: MemberRecord = {
  name: 'nœud',
  addr: Buffer.of(10, 0, 0, 1),
  port: 7946,
  meta: null,
  incarnation: 4_294_967_295,
  state: 3,
  vsn: Buffer.of(1, 5, 2, 0, 0, 0),
};

function throwsFault(run: () => unknown, fault: WireFault): void {
  assert.throws(run, (error) => error instanceof WireError && error.fault === fault);
}

function encode<T>(schema: Schema<T>, value: T): Buffer {
  return encodeWith((writer) => schema.write(writer, value));
}

function decode<T>(schema: Schema<T>, hex: string): T {
  const buf = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return readStruct(schema, { buf, pos: 0, end: buf.length });
}

test('the keys of every struct are in alphabetical order', () => {
  for (const { fields } of [
    memberRecordSchema,
    pushPullHeaderSchema,
    userMessageHeaderSchema,
    compressedSchema,
  ]) {
    const names = fields.map(({ wireName }) => wireName);
    assert.deepEqual(names, [...names].sort());
  }
});

test('the parts of a push/pull, a user message and a compress message are written as by Go', () => {
  const header = encode(pushPullHeaderSchema, { join: true, nodes: 3, userStateLen: 10 });
  assert.equal(header.toString('hex'), '83a44a6f696ec3a54e6f64657303ac5573657253746174654c656e0a');
  const user = encode(userMessageHeaderSchema, { userMsgLen: 5 });
  assert.equal(user.toString('hex'), '81aa557365724d73674c656e05');
  const compressed = encode(compressedSchema, { algo: 0, buf: Buffer.of(1) });
  assert.equal(compressed.toString('hex'), '82a4416c676f00a3427566a101');
  assert.equal(
    encode(memberRecordSchema, record).toString('hex'),
    [
      '87a441646472a40a000001ab496e6361726e6174696f6eceffffffffa44d657461c0',
      'a44e616d65a56ec5937564a4506f7274cd1f0aa5537461746503a356736ea6010502000000',
    ].join(''),
  );
});

test('a struct is written between the bytes before and after it', () => {
  const alone = encode(memberRecordSchema, record);
  const buf = encodeWith((writer) => {
    writer.byte(0x55);
    memberRecordSchema.write(writer, record);
    writer.raw(Buffer.of(1, 2));
  });
  assert.deepEqual(buf, Buffer.concat([Buffer.of(0x55), alone, Buffer.of(1, 2)]));
  const cursor = { buf, pos: 1, end: buf.length };
  assert.deepEqual(readStruct(memberRecordSchema, cursor), record);
  assert.equal(cursor.pos, 1 + alone.length);
});

test('output longer than the writer’s own buffer is complete, and so is the next one', () => {
  const meta = Buffer.alloc(200_000, 7);
  const name = 'ü'.repeat(50_000);
  const large = { ...record, meta, name };
  for (const value of [large, record, large]) {
    const buf = encode(memberRecordSchema, value);
    assert.deepEqual(readStruct(memberRecordSchema, { buf, pos: 0, end: buf.length }), value);
  }
});

test('each schema reads and writes exactly the fields that it lists', () => {
  const shapes = [
    ...Object.values(schemas),
    memberRecordSchema,
    pushPullHeaderSchema,
    userMessageHeaderSchema,
    compressedSchema,
  ] as unknown as Schema<Record<string, unknown>>[];
  for (const shape of shapes) {
    const { name, fields } = shape;
    const value = shape.zero();
    const full = { text: 'x', bytes: Buffer.of(9), nullableBytes: Buffer.of(8), bool: true };
    for (const { property, kind } of fields) {
      value[property] = kind in full ? full[kind as keyof typeof full] : 200;
    }
    const buf = encodeWith((writer) => shape.write(writer, value));
    const reader = new StructReader();
    reader.begin(buf, 0, buf.length);
    assert.deepEqual(shape.read(reader), value, name);
    assert.equal(reader.end(), buf.length);
    let at = 1;
    for (const { key } of fields) {
      const found = buf.indexOf(key, at);
      assert.ok(found >= at, `${name}: ${key.toString('latin1')}`);
      at = found;
    }
  }
});

test('consecutive structs are read one after the other, on both paths', () => {
  const fast = encode(userMessageHeaderSchema, { userMsgLen: 5 });
  const slow = Buffer.from('81d90a557365724d73674c656e06', 'hex');
  const buf = Buffer.concat([fast, slow, fast]);
  const cursor = { buf, pos: 0, end: buf.length };
  const lengths = [1, 2, 3].map(() => readStruct(userMessageHeaderSchema, cursor).userMsgLen);
  assert.deepEqual(lengths, [5, 6, 5]);
  assert.equal(cursor.pos, buf.length);
});

test('bytes after the end are not read, even if they would complete the struct', () => {
  const tails = [Buffer.alloc(0), Buffer.alloc(40, 0xc0), Buffer.alloc(40)];
  for (const value of [encode(memberRecordSchema, record), Buffer.from('81a14ec0', 'hex')]) {
    for (let end = 0; end < value.length; end++) {
      const whole = { buf: value, pos: 0, end };
      throwsFault(() => readStruct(memberRecordSchema, whole), 'truncated');
      for (const tail of tails) {
        const buf = Buffer.concat([value.subarray(0, end), tail]);
        throwsFault(() => readStruct(memberRecordSchema, { buf, pos: 0, end }), 'truncated');
      }
    }
  }
});

test('an empty map is a struct of zeros', () => {
  assert.deepEqual(decode(memberRecordSchema, '80'), {
    name: '',
    addr: noBytes,
    port: 0,
    meta: null,
    incarnation: 0,
    state: 0,
    vsn: noBytes,
  });
  assert.deepEqual(decode(pushPullHeaderSchema, '80'), { join: false, nodes: 0, userStateLen: 0 });
});

test('two structs of zeros are two objects', () => {
  const first = memberRecordSchema.zero();
  first.name = 'changed';
  assert.equal(memberRecordSchema.zero().name, '');
});

test('nil represents the zero value of any field', () => {
  const keys = ['Addr', 'Incarnation', 'Meta', 'Name', 'Port', 'State', 'Vsn'];
  const hex = keys.map((key) => `a${key.length.toString(16)}${Buffer.from(key).toString('hex')}c0`);
  assert.deepEqual(decode(memberRecordSchema, `87${hex.join('')}`), memberRecordSchema.zero());
  assert.equal(decode(pushPullHeaderSchema, '81a44a6f696ec0').join, false);
});

test('a number that exceeds its field is refused in every form', () => {
  const [state, port, incarnation] = ['a55374617465', 'a4506f7274', 'ab496e6361726e6174696f6e'];
  for (const [key, max, over] of [
    [state, 'ccff', ['cd0100', 'd10100', 'ce00000100', 'cf0000000000000100', 'd30000000000000100']],
    [port, 'cdffff', ['ce00010000', 'd200010000', 'cf0000000000010000', 'd30000000000010000']],
    [incarnation, 'ceffffffff', ['cf0000000100000000', 'd30000000100000000', 'cfffffffffffffffff']],
  ] as const) {
    assert.ok(decode(memberRecordSchema, `81${key}${max}`));
    const negative = ['ff', 'e0', 'd0ff', 'd1ffff', 'd2ffffffff', 'd3ffffffffffffffff', 'd080'];
    for (const value of [...over, ...negative, 'cb3fe0000000000000', 'cb7ff8000000000000']) {
      throwsFault(() => decode(memberRecordSchema, `81${key}${value}`), 'malformed');
      const complete = encode(memberRecordSchema, record).toString('hex');
      const held = { [state]: '03', [port]: 'cd1f0a', [incarnation]: 'ceffffffff' }[key] ?? '';
      const changed = complete.replace(`${key}${held}`, `${key}${value}`);
      assert.notEqual(changed, complete);
      throwsFault(() => decode(memberRecordSchema, changed), 'malformed');
    }
  }
});

test('a value of another type than its field is refused', () => {
  for (const hex of [
    ...['81a44e616d6507', '81a44e616d65c3', '81a44e616d6580', '81a44164647207', '81a44d657461c3'],
    ...['81a4506f7274a13a', '81a4506f7274c3', '81a4506f727490', '81a44e616d65cb4000000000000000'],
    ...['81a356736e92ccffff', '81a356736e91a131', '81a356736e91cd0100', '81a356736e9190'],
    ...['81a356736ec70101ff', '81a356736ed40101'],
  ]) {
    throwsFault(() => decode(memberRecordSchema, hex), 'malformed');
  }
  for (const hex of ['81a44a6f696e01', '81a44a6f696ea474727565', '81a44a6f696e90']) {
    throwsFault(() => decode(pushPullHeaderSchema, hex), 'malformed');
  }
});

test('a value that is not a map is refused', () => {
  for (const hex of ['07', 'c0', 'c3', '90', '9700000000000000', 'a0', 'c400', 'd40101', 'ff']) {
    throwsFault(() => decode(memberRecordSchema, hex), 'malformed');
  }
});

test('a body with the right keys in the wrong number is still accepted', () => {
  const { length } = encode(userMessageHeaderSchema, { userMsgLen: 5 });
  assert.equal(length, 13);
  const twice = '82aa557365724d73674c656e05aa557365724d73674c656e06';
  assert.equal(decode(userMessageHeaderSchema, twice).userMsgLen, 6);
  throwsFault(() => decode(userMessageHeaderSchema, '82aa557365724d73674c656e05'), 'truncated');
});
