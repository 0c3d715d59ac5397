/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The reading of snappy blocks: those of Go's golang/snappy (test/interop/go-snappy makes the fixture), and blocks
// made by hand, right and wrong.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { limits } from '../../../src/wire/limits.js';
import { sliceSizes, runToCompletion } from '../../../src/wire/sliced.js';
import { snappyDecompress, snappyDecompressSliced } from '../../../src/wire/snappy.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';
import { snappyBlock } from '../../fuzz/snappy-block.js';
import { Ledger, OutOfMemory } from './ledger.js';

interface Vector {
  readonly name: string;
  readonly part: string;
  readonly times: number;
  readonly block: string;
}

const fixture = new URL('../../fixtures/snappy.json', import.meta.url);
const vectors = JSON.parse(readFileSync(fixture, 'utf8')) as Vector[];
const MiB = 1 << 20;

function contentOf({ part, times }: Vector): Buffer {
  return Buffer.concat(Array<Buffer>(times).fill(Buffer.from(part, 'hex')));
}

function throwsFault(hex: string | Buffer, fault: WireFault, maxOutput = MiB): void {
  const data = typeof hex === 'string' ? Buffer.from(hex.replaceAll(' ', ''), 'hex') : hex;
  assert.throws(
    () => snappyDecompress(data, maxOutput),
    (error) => error instanceof WireError && error.fault === fault,
    data.toString('hex', 0, 20),
  );
}

function decompress(hex: string): string {
  return snappyDecompress(Buffer.from(hex.replaceAll(' ', ''), 'hex'), MiB).toString();
}

test('Go’s blocks decompress to their content, at once and in slices', () => {
  assert.ok(vectors.length > 40);
  const { lzwBytes } = sliceSizes;
  try {
    for (const vector of vectors) {
      const block = Buffer.from(vector.block, 'hex');
      const content = contentOf(vector);
      assert.ok(snappyDecompress(block, content.length).equals(content), vector.name);
      sliceSizes.lzwBytes = 1000;
      const work = snappyDecompressSliced(block, content.length);
      let slices = 1;
      let step = work.next();
      for (; step.done !== true; step = work.next()) slices++;
      assert.ok(step.value.equals(content), vector.name);
      // One literal, of 64 KiB at most in Go's blocks, is one piece.
      assert.ok(slices >= content.length / 66_000, `${vector.name}: ${slices}`);
      sliceSizes.lzwBytes = lzwBytes;
    }
  } finally {
    sliceSizes.lzwBytes = lzwBytes;
  }
});

test('every form of element is read', () => {
  assert.equal(decompress('03 08 616263'), 'abc');
  assert.equal(decompress('03 f002 616263'), 'abc', 'a length of one byte');
  assert.equal(decompress('03 f40200 616263'), 'abc', 'of two bytes');
  assert.equal(decompress('03 f8020000 616263'), 'abc', 'of three bytes');
  assert.equal(decompress('03 fc02000000 616263'), 'abc', 'of four bytes');
  assert.equal(decompress('08 0c 61626364 01 04'), 'abcdabcd', 'a copy of two bytes');
  assert.equal(decompress('06 0c 61626364 06 0400'), 'abcdab', 'a copy of three bytes');
  assert.equal(decompress('06 0c 61626364 07 04000000'), 'abcdab', 'a copy of five bytes');
  assert.equal(decompress('0a 00 61 22 0100'), 'a'.repeat(10), 'a copy into its own output');
  assert.equal(decompress('8300 08 616263'), 'abc', 'a length with more bytes than it needs');
  const far = Buffer.concat([
    Buffer.from('d00ff4cb07', 'hex'),
    Buffer.alloc(1996, 'xy'),
    Buffer.of(0xe1, 0xcc),
  ]);
  assert.equal(snappyDecompress(far, MiB).length, 2000, 'an offset of eleven bits');
});

test('a block that claims more than is allowed, or than its bytes can produce, is refused before anything is allocated', () => {
  const allocation = mock.method(Buffer, 'allocUnsafe');
  try {
    throwsFault('ffffffff0f', 'too-large');
    throwsFault('8080808008 00 61', 'too-large');
    const bound = limits.decompressedPacketBytes;
    throwsFault('818008 00 61', 'too-large', bound);
    throwsFault('808008 00 61', 'bad-compression', bound);
    throwsFault('80808014 fe0100 fe0100', 'bad-compression', 40 * MiB);
    assert.equal(allocation.mock.callCount(), 0);
  } finally {
    allocation.mock.restore();
  }
});

test('the bound is exact to the byte', () => {
  const vector = vectors.find(({ name }) => name === 'one byte 65537 times');
  assert.ok(vector);
  const block = Buffer.from(vector.block, 'hex');
  throwsFault(block, 'too-large', 65_536);
  assert.equal(snappyDecompress(block, 65_537).length, 65_537);
});

test('the output of a block is reserved before it is allocated', () => {
  const content = Buffer.alloc(200_000, 'abcdefg');
  const block = snappyBlock(content);
  const memory = new Ledger();
  assert.ok(runToCompletion(snappyDecompressSliced(block, MiB, memory)).equals(content));
  assert.equal(memory.held, content.length);
  const allocation = mock.method(Buffer, 'allocUnsafe');
  try {
    const short = new Ledger(content.length - 1);
    assert.throws(() => runToCompletion(snappyDecompressSliced(block, MiB, short)), OutOfMemory);
    assert.equal(allocation.mock.callCount(), 0);
  } finally {
    allocation.mock.restore();
  }
});

test('an invalid block is refused', () => {
  for (const hex of [
    '', // nothing
    '80', // a length that does not end
    '808080808001 00 61', // one of more than 32 bits
    'ffffffff1f 00 61',
    '00', // nothing in it
    '01', // no elements
    '02 00 61', // fewer than it claims
    '01 04 6162', // more than it claims
    '01 00 61 00 62',
    '03 08 6162', // a literal cut short
    '03 f0', // its length cut short
    '03 fc020000',
    '03 fcffffffff 616263', // a literal of 4 GiB
    '05 00 61 01 00', // offset 0
    '05 00 61 01 02', // from before the beginning
    '05 01 01 00 61', // a copy at the beginning
    '05 00 61 01', // a copy cut short
    '05 00 61 0e 01',
    '05 00 61 0f 010000',
    '05 00 61 0f ffffffff', // an offset of 4 GiB
    '03 00 61 0e 0100', // a copy of more than it claims
  ]) {
    throwsFault(hex, 'bad-compression');
  }
});

test('blocks of the encoder that the fuzzer uses can be decompressed', () => {
  for (const vector of vectors) {
    const content = contentOf(vector);
    assert.ok(snappyDecompress(snappyBlock(content), content.length).equals(content), vector.name);
  }
});

test('a block truncated anywhere is refused', () => {
  const vector = vectors.find(({ name }) => name === '3 members as text');
  assert.ok(vector);
  const block = Buffer.from(vector.block, 'hex');
  for (let length = 0; length < block.length; length++) {
    throwsFault(block.subarray(0, length), 'bad-compression');
  }
});
