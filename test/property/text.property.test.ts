/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { Buffer, isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeText,
  encodeText,
  isWellFormedText,
  textByteLength,
  writeText,
} from '../../src/wire/text.js';

/** Pieces that are valid, broken, or almost right, so that their joints matter. */
const mixedBytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 4 }),
      fc.uint8Array({ min: 0x80, maxLength: 6 }),
      fc.constantFrom('eda080', 'c0', 'e0a0', 'f09f', 'f4908080', 'efbfbd').map(fromHex),
    ),
  )
  .map((pieces) => Buffer.concat(pieces));

function fromHex(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

test('any bytes can be written back from their text', () => {
  fc.assert(
    fc.property(mixedBytes, (bytes) => {
      const text = decodeText(bytes, 0, bytes.length);
      assert.deepEqual(encodeText(text), bytes);
      assert.equal(textByteLength(text), bytes.length);
    }),
    { numRuns: 3000 },
  );
});

test('text is well-formed exactly if its bytes are UTF-8', () => {
  fc.assert(
    fc.property(mixedBytes, (bytes) => {
      const text = decodeText(bytes, 0, bytes.length);
      assert.equal(isWellFormedText(text), isUtf8(bytes));
      if (isUtf8(bytes)) assert.equal(text, bytes.toString('utf8'));
    }),
    { numRuns: 3000 },
  );
});

test('a part of a buffer reads like those bytes alone', () => {
  fc.assert(
    fc.property(mixedBytes, fc.nat(), fc.nat(), (bytes, a, b) => {
      const start = a % (bytes.length + 1);
      const end = start + (b % (bytes.length + 1 - start));
      const alone = Buffer.from(bytes.subarray(start, end));
      assert.equal(decodeText(bytes, start, end), decodeText(alone, 0, alone.length));
    }),
  );
});

test('well-formed text is written as by Node and can be read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(5), (text, offset) => {
      const expected = Buffer.from(text);
      const bytes = Buffer.alloc(offset + expected.length);
      assert.equal(textByteLength(text), expected.length);
      assert.equal(writeText(bytes, offset, text), bytes.length);
      assert.deepEqual(bytes.subarray(offset), expected);
      assert.equal(decodeText(bytes, offset, bytes.length), text);
    }),
    { numRuns: 1000 },
  );
});

test('the computed length is right for any text, including lone surrogates', () => {
  const units = fc.array(
    fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd780, max: 0xe080 }), fc.nat(0x7f)),
  );
  fc.assert(
    fc.property(units, (codes) => {
      const text = String.fromCharCode(...codes);
      const bytes = Buffer.alloc(codes.length * 3);
      assert.equal(writeText(bytes, 0, text), textByteLength(text));
      const wellFormed = Buffer.from(text).toString() === text;
      assert.equal(isWellFormedText(text), wellFormed);
    }),
    { numRuns: 2000 },
  );
});
