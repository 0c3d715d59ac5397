/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The CRC layer of a packet (wire protocol, section 3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECKSUM_BYTES, verifyChecksum, writeChecksum } from '../../../src/wire/checksum.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

function throwsFault(run: () => unknown, fault: WireFault): void {
  assert.throws(run, (error) => error instanceof WireError && error.fault === fault);
}

function summed(content: Buffer): Buffer {
  const buf = Buffer.concat([Buffer.alloc(CHECKSUM_BYTES), content]);
  writeChecksum(buf, 0, buf.length);
  return buf;
}

test('the checksum is the CRC-32/IEEE of what follows the header, big-endian', () => {
  // The check value of CRC-32/ISO-HDLC.
  assert.equal(summed(Buffer.from('123456789')).toString('hex', 0, 5), '0ccbf43926');
  assert.equal(summed(Buffer.alloc(0)).toString('hex'), '0c00000000');
});

test('the header is written at its offset for the bytes up to the end', () => {
  const buf = Buffer.from('ffffff' + '0000000000' + '313233343536373839' + 'ff', 'hex');
  writeChecksum(buf, 3, buf.length - 1);
  assert.equal(buf.toString('hex'), 'ffffff' + '0ccbf43926' + '313233343536373839' + 'ff');
  assert.equal(verifyChecksum(buf, 3, buf.length - 1), 8);
  throwsFault(() => verifyChecksum(buf, 3, buf.length), 'bad-checksum');
});

test('any flipped bit is detected', () => {
  const good = summed(Buffer.from('node-a is alive'));
  assert.equal(verifyChecksum(good, 0, good.length), CHECKSUM_BYTES);
  for (let bit = 8; bit < good.length * 8; bit++) {
    const bad = Buffer.from(good);
    bad[bit >> 3] = bad.readUInt8(bit >> 3) ^ (1 << (bit & 7));
    throwsFault(() => verifyChecksum(bad, 0, bad.length), 'bad-checksum');
  }
});

test('a truncated header is refused, an empty content is summed like any other', () => {
  for (let length = 1; length < CHECKSUM_BYTES; length++) {
    throwsFault(() => verifyChecksum(Buffer.alloc(10, 0x0c), 0, length), 'truncated');
  }
  assert.equal(verifyChecksum(summed(Buffer.alloc(0)), 0, CHECKSUM_BYTES), CHECKSUM_BYTES);
});
