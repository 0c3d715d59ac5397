/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The answers of the ring are a contract between nodes that run different versions: none of these may ever change. A
// deliberate change needs another algorithm name in view-hash.ts, so that nodes can see that their views differ.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { hashOfKey, seedOf } from '../../../src/ring/hash.js';
import { negativeLog } from '../../../src/ring/logarithm.js';
import { RendezvousTable } from '../../../src/ring/table.js';
import { viewHash } from '../../../src/ring/view-hash.js';

const hex = ({ high, low }: { high: number; low: number }): string =>
  [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');

const equal = ['a', 'b', 'c', 'web-1', 'web-2', 'ä', '10.0.0.1:7946'].map((name) => ({
  name,
  weight: 1,
}));
const weighted = equal.map(({ name }, i) => ({ name, weight: 1 + i / 4 }));

suite('pinned', () => {
  test('hashes of keys', () => {
    assert.deepEqual(
      ['', 'a', 'user:1', 'grüße', '😀', Buffer.from([0, 255, 128])].map((key) =>
        hex(hashOfKey(key)),
      ),
      [
        '74141c206d523710',
        '90d8274010e052cd',
        'dd36f0d6959c32f5',
        '7c979337d5ecf22b',
        'ad6739293062ce56',
        '5331ff729c0facfc',
      ],
    );
  });

  test('seeds of members', () => {
    assert.deepEqual(
      ['a', 'web-1', 'ä'].map((name) => hex(seedOf(name))),
      ['ca978112ca1bbdca', 'c4719afa76fa448b', '33e6d73fee82904c'],
    );
  });

  test('logarithms, to the last bit', () => {
    const scores = [0, 1, 12_345, 2 ** 31, 3_037_000_500, 2 ** 32 - 1];
    assert.deepEqual(
      scores.map(negativeLog),
      [
        22.873856958478193, 21.775244669810085, 12.759662874731541, 0.6931471803271146,
        0.34657359010745037, 1.1641532183371108e-10,
      ],
    );
  });

  test('owners', () => {
    const of = (members: typeof equal): string[] => {
      const table = new RendezvousTable(members);
      return ['', 'a', 'user:1', 'user:2', 'grüße', '😀'].map((key) =>
        table.owners(key, 3).join(' '),
      );
    };
    assert.deepEqual(of(equal), [
      'web-2 c b',
      'web-1 10.0.0.1:7946 a',
      'web-1 10.0.0.1:7946 a',
      'b web-1 a',
      'b ä c',
      'web-1 10.0.0.1:7946 b',
    ]);
    assert.deepEqual(of(weighted), [
      'web-2 10.0.0.1:7946 c',
      'web-1 10.0.0.1:7946 web-2',
      'web-1 10.0.0.1:7946 a',
      'b web-1 10.0.0.1:7946',
      'ä b 10.0.0.1:7946',
      'web-1 10.0.0.1:7946 b',
    ]);
  });

  test('views', () => {
    const view = (members: typeof equal, replicas: number): string =>
      viewHash(new RendezvousTable(members).members, replicas);
    assert.deepEqual(
      [view(equal, 1), view(weighted, 1), view(equal, 3)],
      ['03cb0cde646427ea', '2193fff96d8faf42', '31b0cc48ade74ae8'],
    );
  });
});
