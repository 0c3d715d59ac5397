/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameIp } from '../../../src/wire/address.js';
import { isPackedAt, isSamePackedIp, packIp, unpackIp } from '../../../src/wire/packed-ip.js';

const mapped = Buffer.concat([Buffer.alloc(10), Buffer.of(0xff, 0xff, 10, 0, 0, 1)]);
const all = [
  Buffer.of(10, 0, 0, 1),
  Buffer.of(10, 0, 0, 2),
  Buffer.of(0, 0, 0, 0),
  Buffer.of(255, 255, 255, 255),
  Buffer.of(128, 0, 0, 1),
  mapped,
  Buffer.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
  Buffer.alloc(0),
  Buffer.of(1, 2, 3),
  Buffer.alloc(17, 7),
];

test('a packed address can be unpacked unchanged, and is not a view of the original', () => {
  for (const bytes of all) {
    const given = Buffer.from(bytes);
    const packed = packIp(given);
    given.fill(0x55);
    assert.deepEqual(unpackIp(packed), bytes);
  }
});

test('four bytes are packed as a number, whatever their sign', () => {
  assert.deepEqual(
    all.map((bytes) => typeof packIp(bytes) === 'number'),
    all.map(({ length }) => length === 4),
  );
});

test('packed addresses compare as bytes do, and as IPs do', () => {
  for (const one of all) {
    for (const other of all) {
      const buf = Buffer.concat([Buffer.of(1, 2), other, Buffer.of(3)]);
      const isThere = isPackedAt(packIp(one), buf, 2, 2 + other.length);
      assert.equal(isThere, one.equals(other), `${one.toString('hex')} ${other.toString('hex')}`);
      assert.equal(isSamePackedIp(packIp(one), other), isSameIp(one, other));
    }
  }
});
