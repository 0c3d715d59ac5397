/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { lzwCompress, lzwDecompress } from '../../../src/wire/lzw.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

interface GoldenVector {
  readonly name: string;
  readonly kind: string;
  readonly hex: string;
  readonly plainHex: string;
}

const fixture = new URL('../../fixtures/memberlist-v0.6.json', import.meta.url);
const golden = (JSON.parse(readFileSync(fixture, 'utf8')) as GoldenVector[]).filter(
  (vector) => vector.kind === 'compress',
);

/** The `Buf` of a compress message, taken by hand: type 9, then msgpack { Algo, Buf }. */
function compressedPart(message: Buffer): Buffer {
  const key = Buffer.from('0982a4416c676f00a3427566', 'hex');
  assert.deepEqual(message.subarray(0, key.length), key);
  const head = message.readUInt8(key.length);
  if (head === 0xda) {
    const body = message.subarray(key.length + 3);
    assert.equal(body.length, message.readUInt16BE(key.length + 1));
    return body;
  }
  const body = message.subarray(key.length + 1);
  assert.equal(head, 0xa0 | body.length);
  return body;
}

/** Packs codes as an encoder would that never clears its table; ends with the end code. */
function packCodes(codes: readonly number[]): Buffer {
  const bytes: number[] = [];
  let [bits, bitCount, width] = [0, 0, 9];
  for (const [i, code] of [...codes, 257].entries()) {
    bits |= code << bitCount;
    bitCount += width;
    for (; bitCount >= 8; bitCount -= 8, bits >>>= 8) bytes.push(bits & 0xff);
    if (258 + i === 1 << width && width < 12) width++;
  }
  if (bitCount > 0) bytes.push(bits);
  return Buffer.from(bytes);
}

/** Bytes that a few lines of Go can make too. */
function pseudoRandom(length: number, mask: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = length;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = (state >>> 24) & mask;
  }
  return bytes;
}

function throwsFault(run: () => unknown, fault: WireFault): void {
  assert.throws(run, (error) => error instanceof WireError && error.fault === fault);
}

test('the golden vectors contain compressed messages', () => {
  assert.equal(golden.length, 5);
});

for (const vector of golden) {
  const compressed = compressedPart(Buffer.from(vector.hex, 'hex'));
  const plain = Buffer.from(vector.plainHex, 'hex');

  test(`compressing gives Go's bytes: ${vector.name}`, () => {
    assert.deepEqual(lzwCompress(plain), compressed);
  });

  test(`decompressing Go's bytes gives the original ones: ${vector.name}`, () => {
    assert.deepEqual(lzwDecompress(compressed, plain.length), plain);
  });
}

test('compressing an empty input gives a clear code and an end code, as in Go', () => {
  assert.equal(lzwCompress(Buffer.alloc(0)).toString('hex'), '000302');
});

// The digests are of Go's output for the same inputs. The lengths lie around every place where a code
// grows wider and where the table fills up, so that some inputs end on each of them.
for (const { mask, total, digest } of [
  {
    mask: 0xff,
    total: 7227120,
    digest: '4846ec722484f2f1a6129b89bb4867df0d8fa02814295d70af8a5c545eb859ea',
  },
  {
    mask: 0x03,
    total: 1734980,
    digest: 'a8e1a0c510f07cebdb09529f8f8cb9405160a89d82886a1b95819d96616c9e4a',
  },
]) {
  test(`every code width and a full table are written as by Go (mask ${mask})`, () => {
    const hash = createHash('sha256');
    let length = 0;
    for (const [first, last] of [
      [0, 600],
      [3700, 4400],
      [7500, 7800],
    ] as const) {
      for (let n = first; n <= last; n++) {
        const plain = pseudoRandom(n, mask);
        const compressed = lzwCompress(plain);
        hash.update(compressed);
        length += compressed.length;
        if (n > 0) assert.ok(lzwDecompress(compressed, n).equals(plain));
      }
    }
    assert.equal(length, total);
    assert.equal(hash.digest('hex'), digest);
  });
}

test('input far larger than the reused buffers can be read back', () => {
  const plain = pseudoRandom(300_000, 0xff);
  const compressed = lzwCompress(plain);
  assert.ok(compressed.length > plain.length);
  assert.ok(lzwDecompress(compressed, plain.length).equals(plain));
});

test('a code may be used while it is being assigned', () => {
  const compressed = packCodes([0x61, 258, 259, 260]);
  assert.equal(lzwDecompress(compressed, 100).toString(), 'a'.repeat(1 + 2 + 3 + 4));
});

test('a table that is full and not cleared stays valid with all its codes', () => {
  const literals = Array.from({ length: 5000 }, (_, i) => (i * 7) & 0xff);
  const expected = [...literals, literals[3837]!, literals[3838]!, literals[0]!, literals[1]!];
  const compressed = packCodes([...literals, 4095, 258]);
  assert.deepEqual([...lzwDecompress(compressed, 1 << 20)], expected);
});

test('a stream need not begin with a clear code and may contain several', () => {
  const twice = packCodes([0x61, 256, 256, 0x62]);
  assert.equal(lzwDecompress(twice, 10).toString(), 'ab');
});

test('bytes after the end code are ignored', () => {
  const compressed = Buffer.concat([lzwCompress(Buffer.from('hello')), Buffer.from('tail')]);
  assert.equal(lzwDecompress(compressed, 5).toString(), 'hello');
});

test('a code that is not yet assigned is refused', () => {
  for (const codes of [[258], [0x61, 259], [0x61, 0x62, 260], [0x61, 256, 258]]) {
    throwsFault(() => lzwDecompress(packCodes(codes), 100), 'bad-compression');
  }
});

test('an assignment ends with a clear code', () => {
  throwsFault(() => lzwDecompress(packCodes([1, 2, 3, 256, 4, 259]), 100), 'bad-compression');
});

test('an empty input and an empty result are refused', () => {
  throwsFault(() => lzwDecompress(Buffer.alloc(0), 100), 'bad-compression');
  throwsFault(() => lzwDecompress(Buffer.from('000302', 'hex'), 100), 'bad-compression');
});

test('truncation is refused at every length', () => {
  for (const plain of [Buffer.from('x'), pseudoRandom(900, 0xff), pseudoRandom(5000, 0x03)]) {
    const compressed = lzwCompress(plain);
    for (let length = 0; length < compressed.length; length++) {
      throwsFault(() => lzwDecompress(compressed.subarray(0, length), 10_000), 'bad-compression');
    }
  }
});

test('output may be as long as the bound and not one byte longer', () => {
  for (const plain of [Buffer.alloc(1), Buffer.alloc(70_000), pseudoRandom(70_000, 0x0f)]) {
    const compressed = lzwCompress(plain);
    assert.ok(lzwDecompress(compressed, plain.length).equals(plain));
    throwsFault(() => lzwDecompress(compressed, plain.length - 1), 'too-large');
  }
});

test('a bomb never makes a buffer grow beyond the bound', () => {
  const bomb = lzwCompress(Buffer.alloc(8 << 20));
  assert.ok(bomb.length < 10_000);
  const allocation = mock.method(Buffer, 'allocUnsafeSlow');
  try {
    for (const bound of [0, 1000, 100_000, 1_000_000]) {
      throwsFault(() => lzwDecompress(bomb, bound), 'too-large');
      for (const call of allocation.mock.calls) assert.ok(call.arguments[0] <= bound);
      assert.equal(allocation.mock.callCount() > 0, bound > 1000);
      allocation.mock.resetCalls();
    }
  } finally {
    allocation.mock.restore();
  }
});

test('a small stream under a large bound allocates little', () => {
  const compressed = lzwCompress(Buffer.from('hello'));
  const ways = [mock.method(Buffer, 'allocUnsafeSlow'), mock.method(Buffer, 'allocUnsafe')];
  try {
    lzwDecompress(compressed, 40 << 20);
    const sizes = ways.flatMap(({ mock: { calls } }) => calls.map((call) => call.arguments[0]));
    assert.deepEqual(sizes, [5]);
  } finally {
    for (const way of ways) way.mock.restore();
  }
});

test('later calls do not change earlier results', () => {
  const plain = Buffer.from('node-a node-b node-a node-b');
  const compressed = lzwCompress(plain);
  const copy = Buffer.from(compressed);
  const back = lzwDecompress(compressed, 100);
  lzwDecompress(lzwCompress(pseudoRandom(2000, 0xff)), 2000);
  assert.deepEqual(compressed, copy);
  assert.deepEqual(back, plain);
});

test('a failed call does not affect the next one', () => {
  const plain = pseudoRandom(3000, 0x07);
  const compressed = lzwCompress(plain);
  throwsFault(() => lzwDecompress(compressed.subarray(0, 500), 3000), 'bad-compression');
  throwsFault(() => lzwDecompress(compressed, 1500), 'too-large');
  assert.ok(lzwDecompress(lzwCompress(plain), 3000).equals(plain));
});

test('a plain Uint8Array is accepted like a Buffer', () => {
  const plain = Uint8Array.from([1, 2, 3, 1, 2, 3, 1, 2, 3]);
  const back = lzwDecompress(new Uint8Array(lzwCompress(plain)), 9);
  assert.deepEqual([...back], [...plain]);
});
