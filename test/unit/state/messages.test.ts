/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedState } from '../../../src/state/malformed.js';
import {
  decodeEntries,
  decodeMessage,
  encodeDigests,
  encodeHash,
  type MapVersion,
} from '../../../src/state/messages.js';
import { boot, entry, message, received } from './maps.js';

test('changes are decoded as they were encoded', () => {
  const entries = [
    entry(3, 'http', '\xcd\x1f\x90'),
    entry(7, 'gone'),
    entry(2 ** 40, 'schlüssel', '\xff', 1_500),
    entry(2 ** 40 + 1, 'expired', '', 0),
  ];
  const map = received({ name: 'wéb', boot: boot(9), from: 2, to: 2 ** 41, entries });
  const { body, ...range } = map;
  assert.deepEqual(range, { name: 'wéb', boot: boot(9), from: 2, to: 2 ** 41, isWhole: false });
  assert.ok(body.length < 60);
  assert.deepEqual(decodeEntries(map), entries);
});

test('a digest is cut into packets, and what does not fit is left out', () => {
  const versions: MapVersion[] = Array.from({ length: 100 }, (_, i) => {
    return { name: `node-${i}`, boot: boot(i), version: i * 1_000 };
  });
  const options = { wantsAnswer: true, budget: 300 };
  const all = encodeDigests(versions, { ...options, most: 100 });
  const decoded = all.flatMap((each) => {
    const digest = decodeMessage(each);
    assert.ok(each.length <= 300);
    return digest.kind === 'digest' && digest.wantsAnswer ? digest.versions : [];
  });
  assert.deepEqual(decoded, versions);
  assert.equal(encodeDigests(versions, { ...options, most: 2 }).length, 2);
});

test('a hash is decoded as it was encoded', () => {
  const hash = Buffer.from('0102030405060708', 'hex');
  assert.deepEqual(decodeMessage(encodeHash(hash)), { kind: 'hash', hash });
});

const malformed: Record<string, Buffer> = {
  'no byte': Buffer.alloc(0),
  'another type': Buffer.of(9, 0),
  'a short hash': Buffer.of(2, 1, 2),
  'a long hash': Buffer.alloc(10, 2),
  'a name that is longer than the message': Buffer.of(3, 0, 100, 65),
  'a number of more than 53 bits': Buffer.concat([
    Buffer.of(3, 0, 1, 65),
    Buffer.alloc(8),
    Buffer.alloc(8, 0xff),
  ]),
  'versions beyond 53 bits': message({ from: 2 ** 53 - 2, to: 2 ** 53 - 2 + 2 ** 52 }),
  'a whole map that begins in the middle': message({ from: 3, to: 4, isWhole: true }),
};

for (const [what, bytes] of Object.entries(malformed)) {
  test(`a message with ${what} is malformed`, () => {
    assert.throws(() => decodeMessage(bytes), MalformedState);
  });
}

test('entries that are malformed are found when they are decoded', () => {
  const bad = [
    received({ to: 2, entries: [entry(3, 'behind the last version', '1')] }),
    received({ entries: [entry(1, '', '1')] }),
    received({ entries: [entry(1, 'x'.repeat(257), '1')] }),
    received({ entries: [entry(1, 'x', '1', 400 * 86_400_000)] }),
    { ...received({ to: 9 }), body: Buffer.of(0, 1, 1, 65, 0) },
    { ...received({ to: 9 }), body: Buffer.of(1, 1, 1, 0xff, 0) },
    { ...received({ to: 9 }), body: Buffer.of(1, 1, 1, 65, 200, 1) },
  ];
  for (const map of bad) assert.throws(() => decodeEntries(map), MalformedState);
});

test('arbitrary bytes are decoded or malformed', () => {
  const decodeAll = (bytes: Uint8Array): void => {
    try {
      const decoded = decodeMessage(Buffer.from(bytes));
      if (decoded.kind === 'changes') decoded.maps.forEach(decodeEntries);
    } catch (error) {
      if (!(error instanceof MalformedState)) throw error;
    }
  };
  const valid = message({ entries: [entry(1, 'a', 'x'), entry(4, 'b', 'y', 77), entry(5, 'c')] });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), decodeAll));
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, byte) => {
      const mutant = Buffer.from(valid);
      mutant[at] = byte;
      decodeAll(mutant);
      decodeAll(mutant.subarray(0, at));
    }),
  );
});
