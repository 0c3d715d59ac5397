/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Where a MessagePack value ends, without building it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../src/wire/limits.js';
import { INCOMPLETE, scanOrMissing, scanValue } from '../../../src/wire/msgpack-scan.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

function throwsFault(run: () => unknown, fault: WireFault): void {
  assert.throws(run, (error) => error instanceof WireError && error.fault === fault);
}

/** One value of every form of MessagePack. */
const values = [
  ...['00', '7f', 'e0', 'ff', 'c0', 'c2', 'c3'],
  ...['cc ff', 'cd ffff', 'ce ffffffff', 'cf ffffffffffffffff'],
  ...['d0 80', 'd1 8000', 'd2 80000000', 'd3 8000000000000000'],
  ...['ca 00000000', 'cb 0000000000000000'],
  ...['a0', 'a3 616263', `bf ${'61'.repeat(31)}`],
  ...['d9 00', 'd9 03 616263', 'da 0003 616263', 'db 00000003 616263'],
  ...[`d9 ff ${'61'.repeat(255)}`, `da 0100 ${'61'.repeat(256)}`],
  ...['c4 00', 'c4 03 616263', 'c5 0003 616263', 'c6 00000003 616263'],
  ...['d4 01 61', 'd5 01 6161', `d6 01 ${'61'.repeat(4)}`, `d7 01 ${'61'.repeat(8)}`],
  ...[`d8 01 ${'61'.repeat(16)}`, 'c7 03 01 616263', 'c8 0003 01 616263', 'c9 00000003 01 616263'],
  ...['c7 00 01', 'c8 0000 01', 'c9 00000000 01'],
  ...['90', '93 01 c0 a161', `9f ${'00'.repeat(15)}`, 'dc 0002 01 cd0101', 'dd 00000002 01 c2'],
  ...['80', '81 a161 01', `8f ${'a16101'.repeat(15)}`, 'de 0001 a161 01', 'df 00000001 a161 01'],
  ...['82 a161 92 01 81 a162 c0 a163 90', 'dc 0000', 'dd 00000000', 'de 0000', 'df 00000000'],
];

test('each form of value has the right end, whatever follows', () => {
  for (const hex of values) {
    const value = bytes(hex);
    assert.equal(scanValue(value, 0, value.length), value.length, hex);
    const within = Buffer.concat([bytes('ffff'), value, bytes('c1c1')]);
    assert.equal(scanValue(within, 2, within.length), 2 + value.length, hex);
    assert.equal(scanValue(within, 2, 2 + value.length), 2 + value.length, hex);
  }
});

test('each form of value is incomplete if it is truncated anywhere', () => {
  for (const hex of values) {
    const value = bytes(hex);
    for (let end = 0; end < value.length; end++) {
      assert.equal(scanValue(value, 0, end), INCOMPLETE, `${hex} to ${end}`);
      assert.equal(scanValue(value.subarray(0, end), 0, end), INCOMPLETE, `${hex} to ${end}`);
    }
  }
});

test('every first byte except c1 begins a value', () => {
  const zeros = Buffer.alloc(64);
  for (let first = 0; first < 256; first++) {
    zeros[0] = first;
    if (first === 0xc1) throwsFault(() => scanValue(zeros, 0, 64), 'malformed');
    else assert.ok(scanValue(zeros, 0, 64) >= 1, first.toString(16));
  }
  throwsFault(() => scanValue(bytes('92 01 c1'), 0, 3), 'malformed');
});

test('a length of 4 GiB is incomplete and allocates nothing', () => {
  for (const hex of ['c6 ffffffff', 'c9 ffffffff', 'db ffffffff', 'db ffffffff 61']) {
    const value = bytes(hex);
    assert.equal(scanValue(value, 0, value.length), INCOMPLETE);
  }
});

test('a count of 4 billion is refused as soon as it is read, and allocates nothing', () => {
  for (const hex of ['dc ffff', 'dd ffffffff', 'de ffff', 'df ffffffff', '92 dd ffffffff']) {
    const value = bytes(hex);
    throwsFault(() => scanValue(value, 0, value.length), 'too-large');
  }
});

test('for an incomplete value the minimum number of missing bytes is known', () => {
  for (const [hex, missing] of [
    ['', 1],
    ['a5', 5],
    ['a5 6161', 3],
    ['db 0000ffff', 65_535],
    ['db 0000', 1],
    ['cf 00', 7],
    ['93', 3],
    ['93 c0', 2],
    ['93 c0 a4 6161', 3],
    ['82 a161', 3],
    ['dc 03e8', 1000],
    ['92 dc 03', 2],
    ['92 92 92', 4],
    ['c8 0010', 17],
  ] as const) {
    const value = bytes(hex);
    assert.equal(scanOrMissing(value, 0, value.length), -missing, hex);
    assert.equal(scanValue(value, 0, value.length), INCOMPLETE, hex);
  }
});

test('as many values as the bound are accepted, one more is refused', () => {
  const count = limits.msgpackElements - 1;
  const header = Buffer.from([0xdc, count >> 8, count & 0xff]);
  const full = Buffer.concat([header, Buffer.alloc(count)]);
  assert.equal(scanValue(full, 0, full.length), full.length);
  const over = Buffer.concat([bytes('dd ffffffff'), Buffer.alloc(count + 1)]);
  throwsFault(() => scanValue(over, 0, over.length), 'too-large');
  const map = Buffer.concat([bytes('df ffffffff'), Buffer.alloc(count + 1)]);
  throwsFault(() => scanValue(map, 0, map.length), 'too-large');
});

test('values may nest as deep as the bound, one level more is refused', () => {
  for (const [open, close] of [
    ['91', '00'],
    ['81a0', '00'],
    ['dc0001', '90'],
  ] as const) {
    // A level is open for the whole value as well, and `90` opens one that holds nothing.
    const depth = limits.msgpackDepth - (close === '90' ? 2 : 1);
    const deep = bytes(open.repeat(depth) + close);
    assert.equal(scanValue(deep, 0, deep.length), deep.length);
    const deeper = bytes(open.repeat(depth + 1) + close);
    throwsFault(() => scanValue(deeper, 0, deeper.length), 'too-deep');
  }
});

test('a hundred thousand opening brackets do not overflow the stack', () => {
  throwsFault(() => scanValue(Buffer.alloc(100_000, 0x91), 0, 100_000), 'too-deep');
});
