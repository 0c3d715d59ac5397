/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../src/testing/seeded-random.js';
import { factsFrom, Member, memberStates } from '../../../src/core/member.js';
import { writePackedRecord } from '../../../src/wire/packed-record.js';
import { memberRecordSchema } from '../../../src/wire/schemas.js';
import { encodeWith } from '../../../src/wire/struct-codec.js';
import { recordOf } from '../core/harness.js';

const random = new SeededRandom('packed records');

function below(limit: number): number {
  return Math.floor(random.next() * limit);
}

function someBytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(256)));
}

function someFacts() {
  const facts = factsFrom({
    addr: someBytes([4, 16][below(2)] as number),
    port: [1, 127, 128, 7946, 65_535][below(5)] as number,
    meta: [null, Buffer.alloc(0), someBytes(35), someBytes(48), someBytes(512)][below(5)] ?? null,
    vsn: someBytes([6, 6, 0, 2, 20][below(5)] as number),
    incarnation: [0, 200, 70_000, 4_294_967_295][below(4)] as number,
  });
  assert.ok(facts);
  return facts;
}

test('a member is written like its record, whatever its previous content', () => {
  const names = ['a', 'é', 'n'.repeat(40), 'n\udc80'];
  for (let round = 0; round < 300; round++) {
    const state = memberStates[below(4)] ?? 'alive';
    const member = new Member(names[below(4)] ?? '', someFacts(), state, 0);
    for (let change = 0; change < 4; change++) {
      const facts = someFacts();
      member.setFacts(facts);
      const record = recordOf(member);
      assert.deepEqual([record.addr, record.meta, record.vsn], [facts.addr, facts.meta, facts.vsn]);
      assert.deepEqual(
        encodeWith((writer) => writePackedRecord(writer, member)),
        encodeWith((writer) => memberRecordSchema.write(writer, record)),
      );
    }
  }
});
