/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What compression allocates on a stream is reserved first.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { GossipCipher } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { compressContent, decompressContentSliced } from '../../../src/wire/compression.js';
import { Label } from '../../../src/wire/label.js';
import { lzwCompress, lzwCompressSliced } from '../../../src/wire/lzw.js';
import { runToCompletion } from '../../../src/wire/sliced.js';
import { wrapForStreamSliced } from '../../../src/wire/stream-codec.js';
import { Ledger, OutOfMemory } from './ledger.js';

const MiB = 1024 * 1024;

function decompress(message: Buffer, memory: Ledger): Buffer {
  const cursor = { buf: message, pos: 1, end: message.length };
  return runToCompletion(decompressContentSliced(cursor, 40 * MiB, memory));
}

test('decompressed content is reserved, and temporary memory is released', () => {
  for (const length of [1, 1_000, 65_536, 65_537, 200_000, 3 * MiB]) {
    const memory = new Ledger();
    const content = Buffer.alloc(length, 'abcdefg');
    assert.deepEqual(decompress(compressContent(content), memory), content);
    assert.ok(memory.held >= length, `${length}: ${memory.held} held`);
    assert.ok(memory.held <= 2 * length, `${length}: ${memory.held} held`);
    assert.ok(memory.peak <= 4 * length + 128 * 1024, `${length}: ${memory.peak} at most`);
  }
});

test('a small message that decompresses to a large one stops at the memory bound', () => {
  const bomb = compressContent(Buffer.alloc(30 * MiB));
  for (const most of [100, 100_000, MiB, 20 * MiB]) {
    const memory = new Ledger(most);
    const before = process.memoryUsage().arrayBuffers;
    assert.throws(() => decompress(bomb, memory), OutOfMemory);
    assert.ok(process.memoryUsage().arrayBuffers - before <= most + MiB, `${most}`);
    assert.ok(memory.peak <= most);
  }
});

test('the compressed and sealed forms for a stream are reserved before they are created', () => {
  const content = randomBytes(300_000);
  const cipher = new GossipCipher({
    keyring: new Keyring(Buffer.alloc(32, 1)),
    ...{ version: 1, verifyIncoming: true, verifyOutgoing: true },
  });
  const label = new Label({ label: '', skipInboundCheck: false });
  for (const [compress, seals] of [
    [true, false],
    [false, true],
    [true, true],
  ] as const) {
    const layers = { label, compress, cipher: seals ? cipher : undefined };
    const memory = new Ledger();
    const message = runToCompletion(wrapForStreamSliced(content, layers, memory));
    const what = `compressed ${compress}, sealed ${seals}`;
    assert.ok(memory.held >= message.length, `${what}: ${memory.held} of ${message.length}`);
    // The compressor's own room, or the compressed content, is held beside what comes of it.
    const most = compress ? memory.peak - 1 : message.length - 1;
    assert.throws(
      () => runToCompletion(wrapForStreamSliced(content, layers, new Ledger(most))),
      OutOfMemory,
      what,
    );
  }
});

test('the memory of the compressor is reserved before it begins', () => {
  for (const length of [1_000, 500_000]) {
    const content = Buffer.alloc(length, 'abcdefg');
    const memory = new Ledger();
    const output = runToCompletion(lzwCompressSliced(content, memory));
    assert.deepEqual(output, lzwCompress(content));
    assert.ok(memory.held >= output.length);
    assert.throws(() => runToCompletion(lzwCompressSliced(content, new Ledger(10))), OutOfMemory);
  }
});
