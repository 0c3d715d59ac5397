/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sliceSizes, runToCompletion } from '../../src/wire/sliced.js';
import { snappyDecompress, snappyDecompressSliced } from '../../src/wire/snappy.js';
import { WireError } from '../../src/wire/wire-error.js';

/** One element of a block: bytes, or how far back to copy from and how much. */
type Element = { readonly bytes: Uint8Array } | { readonly back: number; readonly length: number };

const elements = fc.array(
  fc.oneof(
    fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
    fc.record({ back: fc.nat({ max: 70_000 }), length: fc.integer({ min: 1, max: 64 }) }),
  ),
  { minLength: 1, maxLength: 60 },
);
/** Chooses among the forms that an element may have. */
const forms = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 20 });

/** A block of these elements in these forms, and its content, written without the code under test. */
function blockOf(
  wanted: readonly Element[],
  chosen: readonly number[],
): { block: Buffer; content: Buffer } {
  const content: number[] = [];
  const body: number[] = [];
  const little = (value: number, bytes: number): void => {
    for (let i = 0; i < bytes; i++) body.push(Math.floor(value / 256 ** i) & 0xff);
  };
  for (const [i, element] of wanted.entries()) {
    const form = chosen[i % chosen.length] ?? 0;
    if ('bytes' in element || content.length === 0) {
      const bytes = 'bytes' in element ? element.bytes : Uint8Array.of(1, 2, 3);
      const length = bytes.length - 1;
      const least = length < 60 ? 0 : length < 256 ? 1 : 2;
      const width = Math.max(least, form + (least === 0 ? 0 : 1));
      if (width === 0) body.push(length << 2);
      else {
        body.push((59 + width) << 2);
        little(length, width);
      }
      body.push(...bytes);
      content.push(...bytes);
      continue;
    }
    const { length } = element;
    const back = 1 + (element.back % content.length);
    if (form === 0 && length >= 4 && length < 12 && back < 2048) {
      body.push(((back >> 8) << 5) | ((length - 4) << 2) | 1, back & 0xff);
    } else if (form < 3 && back < 65_536) {
      body.push(((length - 1) << 2) | 2);
      little(back, 2);
    } else {
      body.push(((length - 1) << 2) | 3);
      little(back, 4);
    }
    for (let n = 0; n < length; n++) content.push(content[content.length - back] as number);
  }
  const preamble: number[] = [];
  let rest = content.length;
  for (; rest >= 0x80; rest >>>= 7) preamble.push((rest & 0x7f) | 0x80);
  preamble.push(rest);
  return { block: Buffer.from([...preamble, ...body]), content: Buffer.from(content) };
}

function decompressOrFault(data: Buffer, maxOutput: number): Buffer | WireError {
  try {
    return snappyDecompress(data, maxOutput);
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return error;
  }
}

test('a block of any elements in any form decompresses to its content', () => {
  fc.assert(
    fc.property(elements, forms, (wanted, chosen) => {
      const { block, content } = blockOf(wanted, chosen);
      assert.ok(snappyDecompress(block, content.length).equals(content));
    }),
    { numRuns: 300 },
  );
});

test('in slices of any size the result is the same', () => {
  const { lzwBytes } = sliceSizes;
  try {
    fc.assert(
      fc.property(elements, forms, fc.integer({ min: 1, max: 500 }), (wanted, chosen, stride) => {
        const { block, content } = blockOf(wanted, chosen);
        sliceSizes.lzwBytes = stride;
        assert.ok(runToCompletion(snappyDecompressSliced(block, content.length)).equals(content));
      }),
      { numRuns: 200 },
    );
  } finally {
    sliceSizes.lzwBytes = lzwBytes;
  }
});

test('mutated blocks, and random bytes, give a content within the bound or a WireError', () => {
  const change = fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }) });
  const changes = fc.array(change, { maxLength: 4 });
  fc.assert(
    fc.property(elements, forms, changes, fc.nat({ max: 4_000 }), (wanted, chosen, all, bound) => {
      const { block } = blockOf(wanted, chosen);
      for (const { at, to } of all) block[at % block.length] = to;
      const result = decompressOrFault(block, bound);
      assert.ok(result instanceof WireError || result.length <= bound);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const result = decompressOrFault(Buffer.from(bytes), 4_000);
      assert.ok(result instanceof WireError || result.length <= 4_000);
    }),
    { numRuns: 500 },
  );
});
