/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The compression layer (wire protocol, sections 1 and 7); the algorithm itself: lzw.test.ts.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import {
  compressContent,
  decompressContent,
  decompressContentSliced,
} from '../../../src/wire/compression.js';
import { limits } from '../../../src/wire/limits.js';
import { lzwCompress } from '../../../src/wire/lzw.js';
import { runToCompletion } from '../../../src/wire/sliced.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

function throwsFault(run: () => unknown, fault: WireFault): void {
  assert.throws(run, (error) => error instanceof WireError && error.fault === fault);
}

function decompress(message: Buffer, maxBytes = 1 << 20): Buffer {
  return decompressContent({ buf: message, pos: 1, end: message.length }, maxBytes);
}

test('a compress message is type 9, algorithm 0 and the LZW of the content', () => {
  const content = Buffer.from('node-a node-a node-a node-a node-a');
  const message = compressContent(content);
  const buf = lzwCompress(content);
  assert.equal(message.toString('hex', 0, 12), '0982a4416c676f00a3427566');
  assert.ok(message.subarray(-buf.length).equals(buf));
  assert.deepEqual(decompress(message), content);
});

test('the content can be read back, whatever its length', () => {
  for (const length of [1, 31, 32, 1000, 65_535, 65_536, 300_000]) {
    const content = Buffer.alloc(length, 'abcdefghij');
    assert.ok(decompress(compressContent(content)).equals(content));
  }
});

test('the cursor is behind the message afterwards', () => {
  const message = compressContent(Buffer.from('hello'));
  const buf = Buffer.concat([Buffer.of(1, 2), message, Buffer.of(3)]);
  const cursor = { buf, pos: 3, end: buf.length };
  assert.equal(decompressContent(cursor, 100).toString(), 'hello');
  assert.equal(cursor.pos, 2 + message.length);
});

test('keys in another order and bin are accepted', () => {
  const lzw = lzwCompress(Buffer.from('hello'));
  const body = `a3427566c4${Buffer.of(lzw.length).toString('hex')}${lzw.toString('hex')}`;
  const message = Buffer.from(`0982${body}a4416c676f00`, 'hex');
  assert.equal(decompress(message).toString(), 'hello');
});

test('algorithm 1 is snappy, with the bound of the layer', () => {
  // 'hello', and a copy of four bytes of it.
  const block = Buffer.from('091068656c6c6f0105', 'hex');
  const body = `a4416c676f01a3427566a${block.length.toString(16)}${block.toString('hex')}`;
  const message = Buffer.from(`0982${body}`, 'hex');
  assert.equal(decompress(message).toString(), 'hellohell');
  assert.equal(
    runToCompletion(
      decompressContentSliced({ buf: message, pos: 1, end: message.length }, 9),
    ).toString(),
    'hellohell',
  );
  throwsFault(() => decompress(message, 8), 'too-large');
  message[message.length - 1] = 9;
  throwsFault(() => decompress(message), 'bad-compression');
});

test('any algorithm other than 0 and 1 is refused', () => {
  const message = compressContent(Buffer.from('hello'));
  for (const algo of [2, 3, 127]) {
    message[7] = algo;
    throwsFault(() => decompress(message), 'bad-compression');
  }
});

test('an empty result, no data and invalid data are refused', () => {
  throwsFault(() => decompress(compressContent(Buffer.alloc(0))), 'bad-compression');
  throwsFault(
    () => decompress(Buffer.from('0982a4416c676f00a3427566a0', 'hex')),
    'bad-compression',
  );
  throwsFault(() => decompress(Buffer.from('0980', 'hex')), 'bad-compression');
  throwsFault(
    () => decompress(Buffer.from('0982a4416c676f00a3427566c0', 'hex')),
    'bad-compression',
  );
  throwsFault(
    () => decompress(Buffer.from('0982a4416c676f00a3427566a4ffffffff', 'hex')),
    'bad-compression',
  );
});

test('a truncated message is refused', () => {
  const message = compressContent(Buffer.from('hello hello hello hello'));
  for (let end = 1; end < message.length; end++) {
    throwsFault(() => decompress(message.subarray(0, end)), 'truncated');
  }
});

test('the bound is exact to the byte, and a bomb does not allocate memory beyond it', () => {
  const bomb = compressContent(Buffer.alloc(limits.decompressedPacketBytes + 1));
  assert.ok(bomb.length < 2000);
  const allocation = mock.method(Buffer, 'allocUnsafeSlow');
  try {
    throwsFault(() => decompress(bomb, limits.decompressedPacketBytes), 'too-large');
    for (const { arguments: sizes } of allocation.mock.calls) {
      assert.ok(sizes[0] <= limits.decompressedPacketBytes);
    }
  } finally {
    allocation.mock.restore();
  }
  assert.equal(decompress(bomb, limits.decompressedPacketBytes + 1).length, 131_073);
});

test('the bound of a packet is two orders of magnitude below that of a stream', () => {
  assert.equal(limits.decompressedStreamBytes, 40 * 1024 * 1024);
  assert.ok(limits.decompressedPacketBytes * 100 <= limits.decompressedStreamBytes);
});
