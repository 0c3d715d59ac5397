/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Records of a push/pull that are known and not read: what is left out, what is not, and what is held.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../src/testing/seeded-random.js';
import { compressContent } from '../../../src/wire/compression.js';
import { Label } from '../../../src/wire/label.js';
import { limits } from '../../../src/wire/limits.js';
import type { MemberRecord } from '../../../src/wire/messages.js';
import { packIp } from '../../../src/wire/packed-ip.js';
import { RecordPrecheck, type IsKnown } from '../../../src/wire/record-precheck.js';
import { memberRecordSchema } from '../../../src/wire/schemas.js';
import { encodePushPull, StreamReader } from '../../../src/wire/stream-codec.js';
import { encodeWith } from '../../../src/wire/struct-codec.js';
import { WireError } from '../../../src/wire/wire-error.js';

const random = new SeededRandom('glances');
const userState = Buffer.from('what the user says');

function below(limit: number): number {
  return Math.floor(random.next() * limit);
}

function someBytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(256)));
}

function recordNamed(name: string): MemberRecord {
  return {
    name,
    addr: someBytes([4, 16, 0][below(3)] as number),
    port: [0, 127, 128, 7946, 65_535][below(5)] as number,
    meta: [null, Buffer.alloc(0), someBytes(35), someBytes(300)][below(4)] as Buffer | null,
    incarnation: [0, 200, 70_000, 4_294_967_295][below(4)] as number,
    state: below(4),
    vsn: someBytes(6),
  };
}

function records(count: number): MemberRecord[] {
  const names = (index: number): string => ['', 'é', 'n'.repeat(40)][index % 7] ?? '';
  return Array.from({ length: count }, (_, index) => recordNamed(`${names(index)}${index}`));
}

function reader(isKnown?: IsKnown): StreamReader {
  const label = new Label({ label: '', skipInboundCheck: false });
  const layers = { label, cipher: undefined, compress: false };
  return new StreamReader(layers, { expectLabel: false, isKnown });
}

/** Pushes the bytes in pieces; what the last gives, and the most that was held. */
function pushed(bytes: Buffer, pieceBytes: () => number, isKnown?: IsKnown) {
  const incoming = reader(isKnown);
  let message: ReturnType<StreamReader['push']>;
  let mostHeld = 0;
  for (let at = 0; at < bytes.length;) {
    assert.equal(message, undefined);
    // Pieces are read into one buffer by sockets that reuse it: nothing may look into it later.
    const piece = Buffer.from(bytes.subarray(at, at + pieceBytes()));
    message = incoming.push(piece);
    at += piece.length;
    piece.fill(0xc1);
    mostHeld = Math.max(mostHeld, incoming.heldBytes);
  }
  assert.ok(message?.type === 6);
  assert.equal(incoming.receivedBytes, bytes.length);
  return { message, mostHeld };
}

test('a precheck reads the same values as the decoder', () => {
  const precheck = new RecordPrecheck();
  for (const record of records(500)) {
    const bytes = encodeWith((writer) => memberRecordSchema.write(writer, record));
    const buf = Buffer.concat([Buffer.of(1, 2, 3), bytes, Buffer.of(0xc1)]);
    assert.equal(precheck.read(buf, 3, buf.length), 3 + bytes.length);
    const { name, incarnation, port, isAlive } = precheck;
    const { state } = record;
    assert.deepEqual(
      { name, incarnation, port, isAlive },
      {
        name: record.name,
        incarnation: record.incarnation,
        port: record.port,
        isAlive: state === 0,
      },
    );
    assert.ok(precheck.hasAddr(packIp(record.addr)) && precheck.hasVsn(record.vsn));
    assert.ok(
      !precheck.hasAddr(packIp(Buffer.alloc(4, 0xee))) && !precheck.hasVsn(record.vsn.subarray(1)),
    );
    // Cut anywhere it is not whole, whatever stands behind it.
    for (let end = 3; end < 3 + bytes.length; end++) assert.equal(precheck.read(buf, 3, end), -1);
  }
});

test('known records are skipped, however the bytes are split, and the others are unchanged', () => {
  const all = records(300);
  const message = { join: true, records: all, userState };
  const bytes = encodePushPull(message);
  const known = new Set(all.filter(() => below(3) > 0).map(({ name }) => name));
  const others = all.filter(({ name }) => !known.has(name));
  for (const most of [1, 2, 20, 100, 1_000, bytes.length]) {
    const { message: read } = pushed(
      bytes,
      () => 1 + below(most),
      (record) => known.has(record.name),
    );
    assert.deepEqual(read, {
      type: 6,
      join: true,
      records: others,
      userState,
      skippedRecords: known.size,
    });
    const { message: whole } = pushed(bytes, () => 1 + below(most));
    assert.deepEqual(whole, { type: 6, ...message });
  }
});

test('a record that is not canonical is decoded, known or not', () => {
  // A name in str8, and no other key.
  const record = Buffer.concat([
    Buffer.from('81a44e616d65d90c', 'hex'),
    Buffer.from('twelve bytes'),
  ]);
  const header = encodePushPull({ join: false, records: [], userState: Buffer.alloc(0) });
  const bytes = Buffer.concat([header, record]);
  bytes[bytes.indexOf('Nodes') + 5] = 1;
  const { message } = pushed(
    bytes,
    () => 1,
    () => true,
  );
  assert.deepEqual(
    message.records.map(({ name }) => name),
    ['twelve bytes'],
  );
});

test('while a push/pull without updates is read, no more memory is held than one chunk needs', () => {
  const all = records(5_000);
  const bytes = encodePushPull({ join: false, records: all, userState });
  const { message, mostHeld } = pushed(
    bytes,
    () => 4_096,
    () => true,
  );
  assert.deepEqual(message.records, []);
  assert.deepEqual(message.userState, userState);
  assert.ok(mostHeld < 16_384, `${mostHeld} bytes were held for ${bytes.length}`);
});

test('the memory that records refer to counts as held', () => {
  const all = records(2_000).map((record) => ({ ...record, meta: someBytes(100) }));
  const bytes = encodePushPull({ join: false, records: all, userState });
  const { message, mostHeld } = pushed(bytes, () => 1_000);
  assert.equal(message.records.length, all.length);
  assert.ok(mostHeld > bytes.length + 320 * all.length);
  assert.ok(mostHeld < 3 * bytes.length + 320 * all.length);
});

test('reading a long user state takes no longer if it arrives in many pieces', () => {
  const long = Buffer.alloc(1_000_000, 7);
  const bytes = encodePushPull({ join: false, records: records(10), userState: long });
  const { message, mostHeld } = pushed(
    bytes,
    () => 1_000,
    () => true,
  );
  assert.deepEqual(message.userState, long);
  assert.ok(mostHeld > long.length && mostHeld < 3 * long.length);
});

test('skipped records count towards the bound on records per byte', () => {
  const none = Buffer.alloc(0);
  const one = {
    ...recordNamed('a'),
    addr: none,
    meta: null,
    vsn: none,
    incarnation: 0,
    port: 0,
    state: 0,
  };
  const same = Array.from({ length: 100_000 }, () => one);
  const bytes = compressContent(encodePushPull({ join: false, records: same, userState }));
  assert.ok(bytes.length < limits.recordWireBytes * same.length);
  for (const isKnown of [undefined, () => true]) {
    assert.throws(
      () => reader(isKnown).push(bytes),
      (error) => error instanceof WireError && error.fault === 'too-large',
    );
  }
});
