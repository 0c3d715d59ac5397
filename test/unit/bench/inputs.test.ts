/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Inputs, layersByName, type LayersName } from '../../../bench/inputs.js';
import { memberRecord, messagesOf, metaBytes } from '../../../bench/members.js';
import { readParts } from '../../../bench/ours/packets.js';
import { incarnationSum, messagesIn, recordsIn } from '../../../bench/ours/unwrap.js';
import { lzwDecompress } from '../../../src/wire/lzw.js';

const names = Object.keys(layersByName) as LayersName[];

test('a push/pull request contains all members, with every wrapping', () => {
  using inputs = new Inputs();
  for (const name of names) {
    const bytes = readFileSync(inputs.pushPull(20, 3, name));
    const records = recordsIn(bytes, layersByName[name]);
    assert.equal(records.length, 20, name);
    assert.equal(incarnationSum(records), 60, name);
  }
});

test('packets have as many messages as they should, however they are wrapped', () => {
  using inputs = new Inputs();
  for (const name of names) {
    const packets = readParts(inputs.alivePackets(20, 4, 10, name));
    assert.deepEqual(
      packets.map((packet) => messagesIn(packet, layersByName[name])),
      [10, 10, 10, 10],
      name,
    );
  }
});

test('content has its size, and is what its compressed form gives', () => {
  using inputs = new Inputs();
  for (const [bytes, of] of [
    [1400, 'packet'],
    [100_000, 'stream'],
  ] as const) {
    const content = readFileSync(inputs.content(bytes, of));
    assert.equal(content.length, bytes);
    const compressed = readFileSync(inputs.compressed(bytes, of));
    assert.ok(compressed.length < bytes);
    assert.deepEqual(lzwDecompress(compressed, bytes), content);
  }
});

test('a file is made once, and gone in the end', () => {
  let file: string;
  {
    using inputs = new Inputs();
    file = inputs.ping('plain');
    assert.equal(inputs.ping('plain'), file);
    assert.ok(existsSync(file));
  }
  assert.ok(!existsSync(file));
});

test('members are all different, with metadata of the size that the marks speak of', () => {
  const records = [0, 1, 255, 256, 9_999].map((index) => memberRecord(index, 1));
  assert.equal(new Set(records.map(({ name }) => name)).size, records.length);
  assert.equal(new Set(records.map(({ addr }) => addr.toString('hex'))).size, records.length);
  for (const { meta } of records) assert.equal(meta?.length, metaBytes);
});

test('messages of a kind are of that kind, and of different members', () => {
  for (const kind of ['alive', 'ping', 'suspect'] as const) {
    const messages = messagesOf(kind, 3);
    const nodes = messages.map((message) => ('node' in message ? message.node : ''));
    assert.deepEqual(nodes, ['node-00000', 'node-00001', 'node-00002']);
  }
});
