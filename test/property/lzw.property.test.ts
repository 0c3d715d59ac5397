/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  lzwCompress,
  lzwCompressSliced,
  lzwDecompress,
  lzwDecompressSliced,
} from '../../src/wire/lzw.js';
import { sliceSizes, runToCompletion } from '../../src/wire/sliced.js';
import { WireError } from '../../src/wire/wire-error.js';

/** Bytes over a small or a large alphabet: a small one makes long strings in the table. */
const plainBytes = fc
  .integer({ min: 0, max: 255 })
  .chain((max) => fc.uint8Array({ max, minLength: 1, maxLength: 12_000, size: 'max' }));

function decompressOrFault(data: Uint8Array, maxOutput: number): Buffer | WireError {
  try {
    return lzwDecompress(data, maxOutput);
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return error;
  }
}

test('compressed data can be decompressed', () => {
  fc.assert(
    fc.property(plainBytes, (plain) => {
      const back = lzwDecompress(lzwCompress(plain), plain.length);
      assert.ok(back.equals(plain));
    }),
  );
});

test('random bytes give a result within the bound or a WireError, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(2000), (bytes, maxOutput) => {
      const result = decompressOrFault(bytes, maxOutput);
      if (result instanceof WireError) {
        assert.ok(result.fault === 'bad-compression' || result.fault === 'too-large');
      } else assert.ok(result.length > 0 && result.length <= maxOutput);
    }),
    { numRuns: 2000 },
  );
});

test('a flipped bit gives a result within the bound or a WireError, and nothing else', () => {
  fc.assert(
    fc.property(plainBytes, fc.nat(), fc.nat(7), (plain, where, bit) => {
      const compressed = lzwCompress(plain);
      const at = where % compressed.length;
      compressed[at] = compressed[at]! ^ (1 << bit);
      const result = decompressOrFault(compressed, plain.length);
      if (result instanceof WireError) return;
      assert.ok(result.length > 0 && result.length <= plain.length);
    }),
    { numRuns: 300 },
  );
});

test('a bound below the true length is always respected', () => {
  fc.assert(
    fc.property(plainBytes, fc.nat(), (plain, below) => {
      const result = decompressOrFault(lzwCompress(plain), below % plain.length);
      assert.ok(result instanceof WireError);
      assert.equal(result.fault, 'too-large');
    }),
  );
});

test('in slices of any length LZW gives the same results, in both directions', () => {
  const { lzwBytes } = sliceSizes;
  try {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 20_000 }),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 1, max: 5_000 }),
        (random, mask, stride) => {
          const data = random.map((byte) => byte & mask);
          sliceSizes.lzwBytes = stride;
          const packed = lzwCompress(data);
          assert.ok(runToCompletion(lzwCompressSliced(data)).equals(packed));
          assert.ok(
            runToCompletion(lzwDecompressSliced(packed, data.length)).equals(Buffer.from(data)),
          );
        },
      ),
      { numRuns: 200 },
    );
  } finally {
    sliceSizes.lzwBytes = lzwBytes;
  }
});
